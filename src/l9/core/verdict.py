"""What an invariant says of the facts: pass, fail, unknown, or not yet."""

from __future__ import annotations

import msgspec


class Pass(msgspec.Struct, frozen=True):
    """It holds; `found` is the evidence in one line.

    `advice`: it does not hold, but closes nothing (see `Weight`); a command to type all the same.
    """

    found: str
    advice: str = ""


class Fail(msgspec.Struct, frozen=True):
    """It does not hold. `remedy` is a command to type; `log` the last lines that explain it."""

    expected: str
    found: str
    remedy: str
    log: tuple[str, ...] = ()


class Unknown(msgspec.Struct, frozen=True):
    """Nobody could look. An unknown closes a gate as a failure does."""

    reason: str
    remedy: str = ""
    expected: str = ""
    not_yet: bool = False


class Pending(msgspec.Struct, frozen=True):
    """Not decided yet: look again. `done` of `total` are seconds that pass by themselves; counts where not `timed`."""

    found: str
    done: float = 0.0
    total: float = 0.0
    timed: bool = True


Verdict = Pass | Fail | Unknown | Pending
