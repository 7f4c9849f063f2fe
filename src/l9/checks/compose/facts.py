"""What was seen of the release's compose file: frozen observations."""

from __future__ import annotations

import msgspec

from l9.checks.compose.production import Production


class ComposeFile(msgspec.Struct, frozen=True):
    """The compose file of the tag's tree, as production reads it; `absent` says why there is none."""

    path: str = ""
    production: Production | None = None
    absent: str = ""
