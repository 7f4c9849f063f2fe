"""The moments at which a fault begins: derived from the graph, never listed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from l9.core import events as ev
from l9.core.gates import nothing
from l9.core.run import fold
from l9.core.states import Kind, Phase, State, Substrate
from l9.graph import GRAPH


class Act(StrEnum):
    """What is on when the fault begins."""

    IDLE = "no run"
    RELEASE = "its deploy"  # the fault lies in the release
    DEPLOY = "deploy"
    BAD_DEPLOY = "deploy that goes back"
    ROLLBACK = "rollback"


class Column(StrEnum):
    """The phases of the matrix that `make faults` runs: one moment of each, in turn, for every fault."""

    IDLE = "no run"
    PREPARE = "prepare"
    SWITCH = "switch"
    FINISH = "finish"
    BACK = "way back"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Moment:
    """A place in a run. `acted`: a step of the gate was performed and its result is not yet in the journal; else the
    journal's next entry says that the gate is entered.
    """

    act: Act
    state: State | None = None
    acted: bool = False

    @property
    def name(self) -> str:
        if self.state is None:
            return str(self.act)
        return f"{self.act}: {'a step of' if self.acted else 'before'} {self.state}"

    @property
    def column(self) -> Column:
        if self.state is None:
            return Column.IDLE if self.act is Act.IDLE else Column.PREPARE
        if self.act is Act.ROLLBACK:
            return Column.ROLLBACK
        if self.state is State.ROLLBACK:
            return Column.BACK
        phase = GRAPH.row(self.state).phase
        if phase is Phase.SWITCH:
            return Column.SWITCH
        return Column.FINISH if phase is Phase.FINISH else Column.PREPARE

    def reached(self, entries: list[ev.Entry]) -> bool:
        """True if the journal stands at this moment; `entries`: those of the run."""
        run = fold(entries)
        if run is None or run.finished is not None or self.state is None:
            return False
        if self.acted:
            body = entries[-1].body
            return isinstance(body, ev.ActionIntended) and body.gate is self.state
        if self.state is State.ROLLBACK:
            return run.going_back and State.ROLLBACK not in run.entered
        if run.going_back:
            return False
        frontier = (row.opens for row in GRAPH.frontier(run, Substrate.HOST) if row.opens not in run.entered)
        return next(frontier, None) is self.state


def moments() -> Iterator[Moment]:
    """Yield all moments: no run, each row of the host in each kind of run, and the way back."""
    yield Moment(Act.IDLE)
    for act, kind in ((Act.DEPLOY, Kind.DEPLOY), (Act.ROLLBACK, Kind.ROLLBACK)):
        for row in GRAPH.of(kind, Substrate.HOST):
            yield Moment(act, row.opens)
            # RELEASE-RETAINED acts with --rebuild alone.
            if row.does is not nothing and row.opens is not State.RELEASE_RETAINED:
                yield Moment(act, row.opens, acted=True)
    yield Moment(Act.BAD_DEPLOY, State.ROLLBACK)
    yield Moment(Act.BAD_DEPLOY, State.ROLLBACK, acted=True)
