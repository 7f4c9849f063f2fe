"""A fault: how it begins and ends, where it applies, and what it may cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from faults.moments import Act, Moment

if TYPE_CHECKING:
    from faults.fault_place import FaultPlace


class Lasts(StrEnum):
    """How long a fault lasts."""

    MOMENT = "a moment"
    WHILE = "some seconds"
    COMMAND = "until the command has ended"


def _nothing(_place: FaultPlace) -> None:
    """Nothing: the fault ends by itself, or lies in the release."""


def everywhere(_moment: Moment) -> str:
    """The default rule: the fault applies at every moment."""
    return ""


def in_runs(moment: Moment) -> str:
    """The rule of faults of a run's own processes."""
    return "no run is on" if moment.act is Act.IDLE else ""


@dataclass(frozen=True)
class Fault:
    """One fault.

    begin, end: what is done to the host. seconds: from begin to end, if it lasts a while.
    cuts: the fault itself makes requests fail, with nothing on as well: its control says how many.
    stays: it lasts until l9 mends it: in a run, to its end at most.
    control: the fault that does the same with no run on, if it is not this one.
    not_applicable: why it does not apply at a moment; empty if it does.
    names: words of which the message of a run that does not succeed holds one.
    code: what the release has at the end of its backend, if the fault lies in it; good: it must go live nevertheless.
    """

    name: str
    title: str
    begin: Callable[[FaultPlace], None] = _nothing
    end: Callable[[FaultPlace], None] = _nothing
    lasts: Lasts = Lasts.MOMENT
    seconds: float = 0.0
    cuts: bool = False
    control: str = ""
    stays: bool = False
    not_applicable: Callable[[Moment], str] = everywhere
    names: tuple[str, ...] = ()
    code: str = ""
    good: bool = False

    @property
    def wanted(self) -> frozenset[str]:
        """The outcomes of a run that are right under this fault."""
        if self.code:
            return frozenset({"SUCCESS"} if self.good else {"REFUSED", "ROLLED-BACK"})
        return frozenset({"SUCCESS", "REFUSED", "ROLLED-BACK"})
