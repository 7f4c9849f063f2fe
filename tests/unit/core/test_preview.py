"""Test cases for the gates' verdicts before anything is done."""

from __future__ import annotations

from collections.abc import Mapping

from l9.checks.git import facts as git_facts
from l9.checks.pipeline.stages import CgmpReport
from l9.core import facts as f
from l9.core.preview import JudgedGate, judge_rows
from l9.core.run import Run
from l9.core.states import Kind, State, Substrate
from l9.core.verdict import VerdictKind
from l9.graph import GRAPH
from samples import CONFIG, NOW, TAG, a_run, facts


def plan(*changed: object, unseen: Mapping[type, f.Unseen] | None = None) -> dict[str, JudgedGate]:
    def observe(_run: Run, kinds: frozenset[type]) -> f.Facts:
        seen = {**facts(*changed).seen, **(unseen or {})}
        return f.Facts({kind: seen[kind] for kind in kinds})

    rows = judge_rows(GRAPH.of(Kind.DEPLOY), a_run(), observe, CONFIG, NOW)
    return {row.gate: row for row in rows}


def test_every_row_is_there_in_order() -> None:
    assert list(plan()) == [str(row.opens) for row in GRAPH.of(Kind.DEPLOY)]


def test_a_gate_that_only_looks_is_judged_now() -> None:
    assert plan()[State.LOCAL_READY] == JudgedGate(
        gate=State.LOCAL_READY,
        where=Substrate.WORKSPACE,
        summary="git clean, no untracked files",
        verdict=VerdictKind.PASS,
    )


def test_a_gate_that_would_close_says_why() -> None:
    told = plan(git_facts.Workspace("topic", (), ()))[State.LOCAL_READY]
    assert told.verdict is VerdictKind.FAIL
    (finding,) = told.findings
    assert (finding.invariant, finding.found) == ("workspace.on-main", "topic")


def test_a_gate_that_acts_tells_what_it_would_do() -> None:
    told = plan()[State.TAG_IN_GIT]
    assert (told.verdict, told.actions) == ("pending", (f"push tag={TAG}",))


def test_what_needs_a_prepared_host_is_judged_later() -> None:
    assert plan()[State.LOGS] == JudgedGate(
        gate=State.LOGS,
        where=Substrate.HOST,
        summary=GRAPH.row(State.LOGS).summary,
        verdict=VerdictKind.PENDING,
    )


def test_what_is_only_made_later_is_judged_later_and_what_cannot_be_looked_at_is_closed() -> None:
    later = {CgmpReport: f.Unseen("no stage has run on this tree", not_yet=True)}
    told = plan(unseen=later)[State.TESTS_GREEN]
    assert (told.verdict, told.findings) == ("pending", ())
    away = {f.Host: f.Unseen("Docker not found: no socket", "l9 provision", "Docker Engine 23 or newer")}
    told = plan(unseen=away)[State.HOST_READY]
    assert told.verdict is VerdictKind.UNKNOWN
    finding = told.findings[0]
    assert (finding.invariant, finding.verdict) == ("host.engine-ready", "unknown")
    assert finding.expected == "Docker Engine 23 or newer"
