"""The environment that the operator resolved for one run. Its text holds secrets and goes only to the host."""

from __future__ import annotations

import msgspec

from l9.config.model import InsidePath


class ResolvedEnv(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is the environment file; `keep` are keys whose values are taken from the host's own file.

    `source` is the file of the release that it was resolved from, `file` the host's own, in the target's directory.
    """

    source: str
    file: InsidePath
    text: str
    keep: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"ResolvedEnv(source={self.source!r}, text=<{len(self.text)} characters>)"
