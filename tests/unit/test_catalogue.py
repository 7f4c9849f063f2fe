"""All invariants of the table, judged outside of a run."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from l9.catalogue import Judged, catalogue, gates_of, judge
from l9.checks.git import branch_invariants as branching
from l9.checks.git import facts as git_facts
from l9.checks.git import invariants as repository
from l9.checks.git import setup_invariants as workspace_setup
from l9.checks.git import workspace_invariants as workspace
from l9.checks.host import facts as host_facts
from l9.checks.host import slot_invariants as host_slot
from l9.checks.host.health import Streak
from l9.checks.host.steady_invariants import LIVE_HEALTHY, STEADY_STATE
from l9.core import facts as f
from l9.core.invariant import Invariant, Weight
from l9.core.states import State, Substrate
from l9.core.verdict import VerdictKind
from l9.graph import GRAPH
from samples import CONFIG, NOW, a_run, facts


def judged(invariant: Invariant, *changed: object) -> Judged:
    return judge(invariant, a_run(), facts(*changed), NOW, CONFIG)


def test_it_names_each_invariant_once() -> None:
    found = catalogue()
    assert set(found) == {need for row in GRAPH.rows for need in row.needs} | {
        *workspace_setup.STEADY_STATE,
        *branching.STEADY_STATE,
        *STEADY_STATE,
    }
    assert len(found) == len({invariant.id for invariant in found})


def test_it_can_be_asked_for_some_substrates() -> None:
    here = catalogue(Substrate.WORKSPACE, Substrate.REPOSITORY)
    assert {invariant.substrate for invariant in here} == {Substrate.WORKSPACE, Substrate.REPOSITORY}
    assert workspace.ON_MAIN in here
    assert host_slot.IMAGE_READY not in here


def test_an_invariant_knows_its_gates() -> None:
    assert gates_of(repository.TAG_ANNOTATED) == (State.LOCAL_READY, State.CREATE_ANNOTATED_TAG)


def test_between_two_deploys_there_is_no_gate() -> None:
    assert gates_of(LIVE_HEALTHY) == ()
    assert judged(LIVE_HEALTHY).verdict is VerdictKind.PASS


WHY = workspace.ON_MAIN.why


def test_what_closes_nothing_is_advice() -> None:
    gentle = replace(workspace.ON_MAIN, weight=Weight.ADVICE)
    assert judged(gentle, git_facts.Workspace("topic", (), ())) == Judged(
        id="workspace.on-main", why=WHY, verdict=VerdictKind.FAIL, closes=False, excused="advice",
        found="topic", expected="branch main checked out", remedy="git switch main",
    )  # fmt: skip


def test_the_verdicts_are_told_in_a_word() -> None:
    assert judged(workspace.ON_MAIN) == Judged(
        id="workspace.on-main", why=WHY, verdict=VerdictKind.PASS, found="on main"
    )
    fails = judged(workspace.ON_MAIN, git_facts.Workspace("topic", (), ()))
    assert (fails.verdict, fails.found, fails.expected) == ("fail", "topic", "branch main checked out")
    assert (fails.closes, fails.excused) == (True, "")
    assert fails.remedy == "git switch main"


@pytest.mark.parametrize(("not_yet", "word"), [(True, "pending"), (False, "unknown")])
def test_what_was_not_seen(not_yet: bool, word: str) -> None:
    unseen = f.Unseen("nobody can read it", "git fsck", "a tree", not_yet)
    found = judge(workspace.ON_MAIN, a_run(), f.Facts({git_facts.Workspace: unseen}), NOW, CONFIG)
    assert found == Judged(
        id="workspace.on-main", why=WHY, verdict=VerdictKind(word), closes=not not_yet,
        found="nobody can read it", expected="a tree", remedy="git fsck",
    )  # fmt: skip


def test_what_is_not_decided_yet_is_pending() -> None:
    assert judged(host_slot.LOGS_CLEAN, host_facts.Health(Streak())) == Judged(
        id="host.logs-clean",
        why=host_slot.LOGS_CLEAN.why,
        verdict=VerdictKind.PENDING,
        found="reading the log",
    )
