"""A remark that a hook makes."""

from __future__ import annotations

import msgspec


class HookFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a hook says; what `closes` stops the commit or the push."""

    about: str
    found: str
    closes: bool
    expected: str = ""
    remedy: str = ""
    log: tuple[str, ...] = ()
