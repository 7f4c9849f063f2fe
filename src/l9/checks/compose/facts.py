"""Observations of the release's compose file."""

from __future__ import annotations

import msgspec

from l9.checks.compose.production import Production


class ComposeFile(msgspec.Struct, frozen=True):
    """The compose file of the tag's tree for production; `absent` is the reason for which there is none."""

    path: str = ""
    production: Production | None = None
    absent: str = ""
