"""An invariant: one checkable statement, with its reason and the observables that it needs.

Rules:
- The first word of an invariant's id is its substrate.
- A check is pure: it uses the facts and the context only. Time, configuration and run are passed in.
- If an observable is missing, the verdict is Unknown, and the check is not called.
- An invariant that does not hold closes its gate, unless it is advice, or a rule that the configuration waives.

>>> from l9.core.facts import DriftCheck
>>> from l9.core.verdict import Pass
>>> @invariant("host.no-drift", DriftCheck, why="the host runs what was deployed", clause="spec 5.3")
... def NO_DRIFT(facts, _context):
...     drift = facts.the(DriftCheck).drift
...     return Fail("no drift", f"{drift} differences", "l9 drift") if drift else Pass("no drift")
>>> NO_DRIFT.id, NO_DRIFT.substrate.value
('host.no-drift', 'host')
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from l9.core.actions import AnyAction
from l9.core.facts import Facts
from l9.core.run import Run
from l9.core.states import State, Substrate
from l9.core.verdict import Fail, Unknown, Verdict


class Settings(Protocol):
    """The part of the configuration that the core needs: the waived rules and the required advice."""

    @property
    def waived(self) -> Mapping[str, str]:
        """The reason of each waived invariant, by id."""
        ...

    @property
    def required(self) -> Collection[str]:
        """The ids of the invariants of weight `advice` that close their gate."""
        ...


S = TypeVar("S", bound=Settings)


class Context(msgspec.Struct, Generic[S], frozen=True):
    """The inputs of a check besides the facts. `now` is seconds since the epoch.

    `settings` is the configuration that the run is judged by; the checks define its type.
    `action`: the action about to be performed, if a guard is judged (`Guard`).
    """

    run: Run
    settings: S
    now: float
    gate: State
    action: AnyAction | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the gate was entered, its last action ended, or the run was resumed, whichever is latest.

        Deadlines and the bake do not go on while a run is interrupted, because nothing is observed then.
        """
        entered = self.run.entered.get(self.gate, self.now)
        return self.now - max(entered, self.run.acted_at.get(self.gate, entered), self.run.resumed_at)


Check = Callable[[Facts, Context[Any]], Verdict]


class Weight(StrEnum):
    """The effect of an invariant that does not hold.

    hard: its gate always closes. rule: its gate closes unless `[check.waive]` names it, with a reason that is
    recorded. advice: it is reported, and closes nothing unless `[check] require` names it.
    """

    HARD = "hard"
    RULE = "rule"
    ADVICE = "advice"


class Invariant(msgspec.Struct, frozen=True):
    """One statement. `observes` names the kinds of fact that `check` uses; `clause` its source."""

    id: str
    why: str
    substrate: Substrate
    observes: tuple[type, ...]
    clause: str
    check: Check
    weight: Weight = Weight.HARD

    def judge(self, facts: Facts, context: Context[Any]) -> Verdict:
        """Return the verdict; Unknown if one of the observables is missing."""
        verdict = self._verdict(facts, context)
        if isinstance(verdict, Unknown) and verdict.not_yet:
            return verdict
        if isinstance(verdict, Fail | Unknown) and (excused := self._excuse(context.settings)):
            return replace(verdict, excused=excused, remedy=verdict.remedy or f"l9 check --explain {self.id}")
        return verdict

    def _verdict(self, facts: Facts, context: Context[Any]) -> Verdict:
        for kind in self.observes:
            if unseen := facts.unseen(kind):
                return Unknown(unseen.reason, unseen.remedy, unseen.expected, unseen.not_yet)
        return self.check(facts, context)

    def _excuse(self, settings: Settings) -> str:
        """The reason for which it closes nothing although it does not hold; empty if it closes its gate."""
        if self.weight is Weight.RULE and (reason := settings.waived.get(self.id)):
            return f"waived ({reason})"
        return "advice" if self.weight is Weight.ADVICE and self.id not in settings.required else ""


def invariant(
    id: str, *observes: type, why: str, clause: str, weight: Weight = Weight.HARD
) -> Callable[[Check], Invariant]:
    """Turn a check into an invariant; the substrate is the first word of its id."""

    def make(check: Check) -> Invariant:
        return Invariant(id, why, Substrate(id.split(".", maxsplit=1)[0]), observes, clause, check, weight)

    return make


def short(digest: str | None) -> str:
    """Shorten a digest to twelve digits, without the algorithm.

    >>> short("sha256:0123456789abcdef")
    '0123456789ab'
    """
    return (digest or "none").removeprefix("sha256:")[:12]
