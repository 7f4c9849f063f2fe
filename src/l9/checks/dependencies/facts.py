"""Observations of declared dependencies and their locks."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from l9.checks.dependencies.locks import LockReport


class Locks(msgspec.Struct, frozen=True):
    """The requirements files of the tag's tree, by path."""

    reports: Mapping[str, LockReport]


class LockMismatch(msgspec.Struct, frozen=True):
    """A declared dependency that a lock does not satisfy: `wanted` in `source`, `found` in `lock`."""

    source: str
    wanted: str
    lock: str
    found: str
    remedy: str


class Declared(msgspec.Struct, frozen=True):
    """The declarations of the tag's project files, compared with their locks; `notes` name what is not compared."""

    looked: tuple[str, ...]
    mismatches: tuple[LockMismatch, ...] = ()
    notes: tuple[str, ...] = ()
