"""What was seen of declared dependencies and their locks: frozen observations."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from l9.checks.dependencies.locks import LockReport


class Locks(msgspec.Struct, frozen=True):
    """The requirements files of the tag's tree, by path."""

    reports: Mapping[str, LockReport]


class LockMismatch(msgspec.Struct, frozen=True):
    """A declared dependency that a lock does not hold: what `source` wants, and what `lock` has in its place."""

    source: str
    wanted: str
    lock: str
    found: str
    remedy: str


class Declared(msgspec.Struct, frozen=True):
    """What the project files of the tag's tree declare, compared with their locks; `notes`: what is not compared."""

    looked: tuple[str, ...]
    amiss: tuple[LockMismatch, ...] = ()
    notes: tuple[str, ...] = ()
