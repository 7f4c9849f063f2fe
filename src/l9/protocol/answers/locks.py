"""`l9 lock`."""

from __future__ import annotations

import msgspec

from l9.checks.dependencies.locker_commands import LockChange, Skipped, Vulnerable
from l9.protocol.answers.answer import Answer


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """One lock. `count`: packages in it; `unhashed`: packages that were locked without a hash before."""

    lock: str
    sources: tuple[str, ...]
    missing: bool
    count: int
    changes: tuple[LockChange, ...]
    unhashed: tuple[str, ...]


class Locked(Answer, frozen=True, kw_only=True, tag="l9.lock/1"):
    """`l9 lock`; with `--check` nothing is `written`, and the exit code is 3 if something `drifted`."""

    written: bool
    drifted: bool
    locks: tuple[Lock, ...]


class Audited(Answer, frozen=True, kw_only=True, tag="l9.audit/1"):
    """`l9 lock --audit`: `good` if all were audited and none has a known vulnerability; else exit code 3."""

    good: bool
    asked: int
    vulnerable: tuple[Vulnerable, ...]
    skipped: tuple[Skipped, ...]
