"""The one fact of a gate, and the phase that a gate is shown in."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from l9.cli.render.facts import SHOWN, fact
from l9.cli.render.sections import Section, folded, gates_in, section_of
from l9.core import events as ev
from l9.core.decide import Open, judge
from l9.core.gates import Gate
from l9.core.states import Kind, State
from l9.graph import GRAPH
from samples import CONFIG, NOW, a_run, facts, opened, slots


def open_gate(row: Gate) -> ev.GateOpened:
    """The gate as the sample deploy opens it."""
    paused = slots(old={"status": "paused"}) if row.opens is State.SHUTDOWN else slots()
    judged = judge(row, a_run(), facts(paused), NOW, CONFIG)
    assert isinstance(judged, Open)
    return ev.GateOpened(gate=row.opens, evidence=judged.evidence, seconds=1.0)


@pytest.mark.parametrize("gate", SHOWN)
def test_what_is_shown_of_a_gate_is_what_it_needs(gate: State) -> None:
    needs = [need.id for need in GRAPH.row(gate).needs]
    assert set(SHOWN[gate]) <= set(needs)


@pytest.mark.parametrize("row", GRAPH.of(Kind.DEPLOY), ids=lambda row: row.opens)
def test_each_gate_has_a_short_fact(row: Gate) -> None:
    shown = fact(open_gate(row))
    assert 0 < len(shown) <= 80
    assert ";" not in shown.split("(")[0]


@pytest.mark.parametrize(
    ("gate", "shown"),
    [
        (State.LOCAL_READY, "on main, v0.5.1-l9 is cccccccccccc"),
        (State.CREATE_ANNOTATED_TAG, "newer than v0.5.0-l9, annotated by Ada <ada@example.com>"),
        (State.GREEN_HEALTHY, "green answers, smoke 1 of 1"),
        (State.BAKE, "30 s, 1000 answers, 1 error"),
        (State.ROUTE_TRAFFIC, "traffic goes to green"),
    ],
)
def test_facts(gate: State, shown: str) -> None:
    assert fact(open_gate(GRAPH.row(gate))) == shown


def test_what_was_waived_is_told_with_the_fact() -> None:
    seen = opened(State.LOCAL_READY, "on main", "no HEALTHCHECK", "y")
    first, *others = seen.evidence
    others = [
        replace(one, excused=why)
        for one, why in zip(others, ("waived (old base)", "waived (x)"), strict=True)
    ]
    assert fact(replace(seen, evidence=(first, *others))) == "on main, 2 waived"


def test_a_gate_without_evidence_has_no_fact() -> None:
    assert fact(opened(State.FIX)) == ""


@pytest.mark.parametrize("kind", Kind)
def test_a_section_is_never_left_and_begun_again(kind: Kind) -> None:
    order = list(dict.fromkeys(section_of(row.opens) for row in GRAPH.of(kind)))
    assert [section_of(row.opens) for row in GRAPH.of(kind)] == [
        section for section in order for _ in range(gates_in(section, kind))
    ]
    assert order == [s for s in Section if s in order]


def test_a_section_that_is_over_is_one_line() -> None:
    gates = [open_gate(GRAPH.row(gate)) for gate in (State.ROUTE_TRAFFIC, State.PROOF)]
    row = folded(Section.SWITCH, gates, 0.4)
    assert (row.name, row.text) == ("switch", "2 gates; 5 answers in a row from green with v0.5.1-l9")
    assert folded(Section.SWITCH, gates[:1], 0.4).text == "traffic goes to green"
