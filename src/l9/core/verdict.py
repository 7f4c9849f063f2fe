"""The verdict of an invariant on the facts: pass, fail, unknown, or pending.

>>> Unknown("permission denied on the Docker socket").kind.closes
True
>>> Pending("healthy for 4.0 of 10 s", done=4.0, total=10.0).kind.closes
False
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class VerdictKind(StrEnum):
    """The four verdicts, by their names in the journal, in JSON and on the screen.

    pending: not decided yet, because it takes time, or because the thing to observe is created later.
    """

    PASS = "pass"  # noqa: S105  # a verdict, no password
    FAIL = "fail"
    UNKNOWN = "unknown"
    PENDING = "pending"

    @property
    def closes(self) -> bool:
        """True if it keeps its gate closed, unless it is excused."""
        return self in (VerdictKind.FAIL, VerdictKind.UNKNOWN)


class Pass(msgspec.Struct, frozen=True):
    """The invariant holds; `found` is the evidence in one line."""

    found: str

    @property
    def kind(self) -> VerdictKind:
        return VerdictKind.PASS


class Fail(msgspec.Struct, frozen=True):
    """The invariant does not hold. `remedy` is a command to type; `log` the last lines that explain it.

    `excused`: the reason for which it closes nothing, `advice` or `waived (reason)`; empty if it closes its gate.
    """

    expected: str
    found: str
    remedy: str
    log: tuple[str, ...] = ()
    excused: str = ""

    @property
    def kind(self) -> VerdictKind:
        return VerdictKind.FAIL


class Unknown(msgspec.Struct, frozen=True):
    """The invariant could not be observed. It closes its gate, or is excused, as a failure is.

    `not_yet`: nothing is wrong: the thing to observe is created later, so that the verdict is pending.
    """

    reason: str
    remedy: str = ""
    expected: str = ""
    not_yet: bool = False
    excused: str = ""

    @property
    def kind(self) -> VerdictKind:
        return VerdictKind.PENDING if self.not_yet else VerdictKind.UNKNOWN


class Pending(msgspec.Struct, frozen=True):
    """Not decided yet: observe again. `done` of `total` are elapsed seconds, or counts if not `timed`."""

    found: str
    done: float = 0.0
    total: float = 0.0
    timed: bool = True

    @property
    def kind(self) -> VerdictKind:
        return VerdictKind.PENDING


Verdict = Pass | Fail | Unknown | Pending
