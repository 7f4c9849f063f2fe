"""What an invariant is: one checkable statement, with the reason for it and the observables it looks at."""

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
    """The part of the configuration that the core needs: which invariants may not hold, and which of advice must."""

    @property
    def waived(self) -> Mapping[str, str]:
        """Invariant to the reason for which it is waived."""
        ...

    @property
    def required(self) -> Collection[str]:
        """Invariants of weight `advice` that close their gate."""
        ...


S = TypeVar("S", bound=Settings)


class Context(msgspec.Struct, Generic[S], frozen=True):
    """A check may use these besides the facts. `now` is seconds since the epoch.

    `settings` is the configuration that the run is judged by; its type is the business of the checks.
    `action`: the one that is about to be performed, where that is judged (`Guard`).
    """

    run: Run
    settings: S
    now: float
    gate: State
    action: AnyAction | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the gate being judged was entered, its actions were done, and somebody watched.

        While a run lay interrupted nobody looked: neither its deadlines nor its bake went on.
        """
        entered = self.run.entered.get(self.gate, self.now)
        return self.now - max(entered, self.run.acted_at.get(self.gate, entered), self.run.resumed_at)


Check = Callable[[Facts, Context[Any]], Verdict]


class Weight(StrEnum):
    """What follows when an invariant does not hold.

    hard: its gate closes, always. rule: its gate closes unless `[check.waive]` names it, with a reason that goes
    on record. advice: it is told, and closes nothing unless `[check] require` names it.
    """

    HARD = "hard"
    RULE = "rule"
    ADVICE = "advice"


class Invariant(msgspec.Struct, frozen=True):
    """One statement. `observes` names the kinds of fact that `check` uses; `clause` where it comes from."""

    id: str
    why: str
    substrate: Substrate
    observes: tuple[type, ...]
    clause: str
    check: Check
    weight: Weight = Weight.HARD

    def judge(self, facts: Facts, context: Context[Any]) -> Verdict:
        """The verdict; Unknown when one of the observables could not be seen."""
        verdict = self._look(facts, context)
        if isinstance(verdict, Unknown) and verdict.not_yet:
            return verdict
        if isinstance(verdict, Fail | Unknown) and (excused := self._excuse(context.settings)):
            return replace(verdict, excused=excused, remedy=verdict.remedy or f"l9 check --explain {self.id}")
        return verdict

    def _look(self, facts: Facts, context: Context[Any]) -> Verdict:
        for kind in self.observes:
            if unseen := facts.unseen(kind):
                return Unknown(unseen.reason, unseen.remedy, unseen.expected, unseen.not_yet)
        return self.check(facts, context)

    def _excuse(self, settings: Settings) -> str:
        """Why it closes nothing where it does not hold; empty where it closes its gate."""
        if self.weight is Weight.RULE and (reason := settings.waived.get(self.id)):
            return f"waived ({reason})"
        return "advice" if self.weight is Weight.ADVICE and self.id not in settings.required else ""


def invariant(
    id: str, *observes: type, why: str, clause: str, weight: Weight = Weight.HARD
) -> Callable[[Check], Invariant]:
    """Make a check into an invariant; the substrate is the first word of its id."""

    def make(check: Check) -> Invariant:
        return Invariant(id, why, Substrate(id.split(".", maxsplit=1)[0]), observes, clause, check, weight)

    return make


def short(digest: str | None) -> str:
    """A digest as people quote it: twelve digits after the algorithm."""
    return (digest or "none").removeprefix("sha256:")[:12]
