"""What was seen of secrets in what is committed: frozen observations."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Leak(msgspec.Struct, frozen=True):
    """Where something looks like a secret: never what it is. `commit` is the one that added the line.

    `gone`: a later commit took the line away. `pushed`: origin's main has the commit, so that it is known.
    """

    path: str
    line: int
    kind: str
    commit: str = ""
    gone: bool = False
    pushed: bool = False


class Secrets(msgspec.Struct, frozen=True):
    """What a scanner found in the lines added since a release (None: in the tree, or the whole history).

    `skipped` are the files that nobody can read: binary, or too large.
    """

    since: str | None
    leaks: tuple[Leak, ...]
    skipped: tuple[str, ...] = ()
    history: bool = False


class Suspect(NamedTuple):
    """A value that looks like a real secret: where it stands and what it looks like, never itself."""

    path: str
    line_no: int
    key: str
    kind: str
