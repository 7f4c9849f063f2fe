"""What an invariant says of the facts: pass, fail, unknown, or pending."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class VerdictKind(StrEnum):
    """The four verdicts, by the names that the journal, JSON and the screen have.

    pending: not decided yet, because it takes time, or because what would be looked at is only made later.
    """

    PASS = "pass"  # noqa: S105  # a verdict, no password
    FAIL = "fail"
    UNKNOWN = "unknown"
    PENDING = "pending"

    @property
    def closes(self) -> bool:
        """Whether a gate stays closed for it, unless it is excused."""
        return self in (VerdictKind.FAIL, VerdictKind.UNKNOWN)


class Pass(msgspec.Struct, frozen=True):
    """It holds; `found` is the evidence in one line."""

    found: str

    @property
    def kind(self) -> VerdictKind:
        return VerdictKind.PASS


class Fail(msgspec.Struct, frozen=True):
    """It does not hold. `remedy` is a command to type; `log` the last lines that explain it.

    `excused`: why it closes nothing all the same, `advice` or `waived (reason)`; empty where it closes its gate.
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
    """Nobody could look. It closes its gate as a failure does, or is excused as one.

    `not_yet`: nothing is wrong, but what would be looked at is only made later, so that it is pending.
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
    """Not decided yet: look again. `done` of `total` are seconds that pass by themselves; counts where not `timed`."""

    found: str
    done: float = 0.0
    total: float = 0.0
    timed: bool = True

    @property
    def kind(self) -> VerdictKind:
        return VerdictKind.PENDING


Verdict = Pass | Fail | Unknown | Pending
