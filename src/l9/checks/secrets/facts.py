"""Observations of secrets in committed files."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Leak(msgspec.Struct, frozen=True):
    """The place of a possible secret, never its value. `commit` is the one that added the line.

    `gone`: a later commit removed the line. `pushed`: origin's main has the commit, so that others know it.
    """

    path: str
    line: int
    kind: str
    commit: str = ""
    gone: bool = False
    pushed: bool = False


class Secrets(msgspec.Struct, frozen=True):
    """The findings of a scanner in the lines added since a release (None: in the tree, or the whole history).

    `skipped` are the files that cannot be scanned: binary, or too large.
    """

    since: str | None
    leaks: tuple[Leak, ...]
    skipped: tuple[str, ...] = ()
    history: bool = False


class Suspect(NamedTuple):
    """A value that looks like a real secret: its place and kind, never the value."""

    path: str
    line_no: int
    key: str
    kind: str
