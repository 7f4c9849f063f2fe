"""What the gates say before anything is done."""

from __future__ import annotations

from typing import Any

from samples import NOW, TAG, a_run, facts

from l9.core import facts as f
from l9.core.graph import GRAPH
from l9.core.preview import judge_rows
from l9.core.rules import Rules
from l9.core.run import Run
from l9.core.states import Kind, State


def plan(*changed: object, without: type | None = None) -> dict[str, dict[str, Any]]:
    def observe(_run: Run, kinds: frozenset[type]) -> f.Facts:
        seen = facts(*changed, without=without).seen
        return f.Facts({kind: seen[kind] for kind in kinds})

    rows = judge_rows(GRAPH.of(Kind.DEPLOY), a_run(), observe, Rules(), NOW)
    return {row["gate"]: row for row in rows}


def test_every_row_is_there_in_order() -> None:
    assert list(plan()) == [str(row.opens) for row in GRAPH.of(Kind.DEPLOY)]


def test_a_gate_that_only_looks_is_judged_now() -> None:
    assert plan()[State.LOCAL_READY] == {
        "gate": "LOCAL-READY",
        "where": "workspace",
        "summary": "git clean, no untracked files",
        "verdict": "open",
        "findings": [],
    }


def test_a_gate_that_would_close_says_why() -> None:
    told = plan(f.Workspace("topic", (), ()))[State.LOCAL_READY]
    assert told["verdict"] == "closed"
    (finding,) = told["findings"]
    assert (finding["invariant"], finding["found"]) == ("workspace.on-main", "topic")


def test_a_gate_that_acts_tells_what_it_would_do() -> None:
    told = plan()[State.TAG_IN_GIT]
    assert (told["verdict"], told["actions"]) == ("later", [f"push tag={TAG}"])


def test_what_needs_a_prepared_host_is_judged_later() -> None:
    assert plan()[State.LOGS_READ] == {
        "gate": "LOGS",
        "where": "host",
        "summary": GRAPH.row(State.LOGS_READ).summary,
        "verdict": "later",
    }


def test_what_cannot_be_looked_at_yet_is_judged_later_unless_something_else_fails() -> None:
    told = plan(without=f.TestRun)[State.TESTS_GREEN]
    assert (told["verdict"], told["findings"]) == ("later", [])
    full = f.Host("Docker", disk_free=0, memory_available=9_000_000_000)
    told = plan(full, without=f.Route)[State.HOST_READY]
    assert told["verdict"] == "closed"
    assert [finding["invariant"] for finding in told["findings"]] == ["host.disk-free"]
