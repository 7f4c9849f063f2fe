"""The phases in which a run is displayed: each folds to one line when it has finished."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from l9.cli.render.facts import fact
from l9.cli.render.rows import PHASE, Row
from l9.core.events import GateOpened
from l9.core.states import Kind, Phase, State
from l9.graph import GRAPH


class Section(StrEnum):
    """The displayed phases: those of the table, with the proof in the switch, and bake and watch on their own."""

    CHECKS = "checks"
    PREPARE = "prepare"
    SWITCH = "switch"
    BAKE = "bake"
    FINISH = "finish"
    WATCH = "watch"
    ROLLBACK = "rollback"


_SECTION_OF_GATE = {
    State.PROOF: Section.SWITCH,
    State.BAKE: Section.BAKE,
    State.WATCH: Section.WATCH,
    State.ROLLBACK: Section.ROLLBACK,
}
_OF_PHASE = {
    Phase.CHECK: Section.CHECKS,
    Phase.PREPARE: Section.PREPARE,
    Phase.SWITCH: Section.SWITCH,
    Phase.FINISH: Section.FINISH,
}
_SUMMARY_GATE = {  # the gate whose fact summarizes its section
    Section.CHECKS: State.HOST_READY,
    Section.PREPARE: State.GREEN_HEALTHY,
    Section.SWITCH: State.PROOF,
    Section.BAKE: State.BAKE,
    Section.FINISH: State.SHUTDOWN,
    Section.WATCH: State.WATCH,
    Section.ROLLBACK: State.ROLLBACK,
}


def section_of(gate: State) -> Section:
    return _SECTION_OF_GATE.get(gate) or _OF_PHASE[GRAPH.row(gate).phase]


def gates_in(section: Section, kind: Kind) -> int:
    """Return the number of gates of that kind of run in the section."""
    return sum(section_of(row.opens) is section for row in GRAPH.of(kind)) or 1


def folded(section: Section, opened: Sequence[GateOpened], seconds: float) -> Row:
    """Return a finished section as one row."""
    gate = next((o for o in opened if o.gate is _SUMMARY_GATE[section]), opened[-1])
    count = f"{len(opened)} gates" if len(opened) > 1 else ""
    text = "; ".join(part for part in (count, fact(gate)) if part)
    icon = "back" if section is Section.ROLLBACK else "open"
    return Row(icon=icon, name=section, text=text, seconds=seconds, wide=PHASE)
