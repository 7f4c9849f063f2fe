"""The table is whole: every state of the spec is in it, and every run gets to an end."""

from __future__ import annotations

from unittest.mock import MagicMock

import msgspec
import pytest
from msgspec.structs import replace

from l9.checks.dependencies import facts as dependencies_facts
from l9.checks.environment import facts as environment_facts
from l9.checks.git import facts as git_facts
from l9.checks.pipeline.stages import CgmpReport
from l9.checks.secrets import facts as secrets_facts
from l9.configuration import parse
from l9.core import actions as do
from l9.core import events as ev
from l9.core import facts as f
from l9.core.gates import Gate
from l9.core.run import Run, begin
from l9.core.states import EXIT_CODES, Kind, Phase, Slot, SlotStatus, State, Substrate
from l9.graph import GRAPH
from l9.host.observe import HostObserver
from l9.operator.deploy import RepoObserver

SPEC = {  # spec 1.2, top to bottom
    "LOCAL-READY": State.LOCAL_READY,
    "BUILD & TEST": State.BUILD_AND_TEST,
    "VERSION LOCK": State.VERSION_LOCK,
    "TESTS-GREEN": State.TESTS_GREEN,
    "CREATE-ANNOTATED-TAG": State.CREATE_ANNOTATED_TAG,
    "git push origin main, git push tags": State.TAG_IN_GIT,
    "SSH to VPS": State.HOST_READY,
    "VPS-TAG-VERIFIED": State.VPS_TAG_VERIFIED,
    "IMAGES-READY-OR-PULLED": State.IMAGES_READY,
    "BLUE-GREEN-LAUNCH-GREEN": State.BLUE_GREEN_LAUNCH,
    "Poll /health endpoint": State.HEALTH,
    "Check logs for Traceback": State.LOGS,
    "Timeout fail after 60 sec": State.DEADLINE,
    "GREEN-HEALTHY": State.GREEN_HEALTHY,
    "ROUTE-TRAFFIC": State.ROUTE_TRAFFIC,
    "BLUE-DRAIN": State.DRAIN,
    "BLUE-SHUTDOWN": State.SHUTDOWN,
    "CLEANUP-IMAGES": State.CLEANUP,
    "ROLLBACK to old tag": State.ROLLBACK,
}
ROWS = pytest.mark.parametrize("row", list(GRAPH), ids=lambda row: row.opens)


def a_run(kind: Kind) -> Run:
    return begin(
        "run-1",
        0.0,
        ev.RunStarted(
            kind=kind,
            tag="v2",
            commit="c",
            tag_object="t",
            new=Slot.GREEN,
            old=Slot.BLUE,
            previous="v1",
            who="ada",
            evict="v0",
            retained=("v2", "v1"),
        ),
    )


def all_actions(row: Gate) -> tuple[do.AnyAction, ...]:
    """Return every action that the row may do, over all runs that differ in it."""
    runs = [
        replace(a_run(kind), wake=wake)
        for kind in row.kinds
        for wake in (None, SlotStatus.PAUSED, SlotStatus.EXITED)
    ]
    return tuple(action for run in runs for action in row.does(run))


@pytest.mark.parametrize(("name", "state"), SPEC.items())
def test_every_state_of_the_spec_has_its_row(name: str, state: State) -> None:
    assert GRAPH.row(state).opens is state, name


def test_every_state_is_opened_by_one_row_or_is_where_a_run_begins_or_ends() -> None:
    opened = [row.opens for row in GRAPH]
    assert len(opened) == len(set(opened))
    assert {state for state in State if state not in opened} == {
        State.START,
        *EXIT_CODES,
    }


def test_what_comes_before_a_row_stands_above_it() -> None:
    above = {State.START}
    for row in GRAPH.rows:
        assert set(row.after) <= above, row.opens  # so that there is no cycle, and it reads top to bottom
        assert row.after
        assert row.retakes is None or row.retakes in above
        above.add(row.opens)


@pytest.mark.parametrize("kind", Kind)
def test_a_run_in_which_all_opens_reaches_every_row(kind: Kind) -> None:
    run = a_run(kind)
    while frontier := GRAPH.frontier(run):
        gates = {row.opens: ev.GateOpened(gate=row.opens, evidence=()) for row in frontier}
        run = replace(run, opened={**run.opened, **gates})
    assert set(run.opened) == {row.opens for row in GRAPH.of(kind)}


@pytest.mark.parametrize("kind", Kind)
def test_the_operators_part_comes_wholly_before_the_hosts(kind: Kind) -> None:
    where = [row.where is Substrate.HOST for row in GRAPH.of(kind)]
    assert where == sorted(where)
    for row in GRAPH.of(kind, Substrate.WORKSPACE, Substrate.REPOSITORY):
        assert row.phase is Phase.CHECK


@ROWS
def test_a_row_needs_something_and_says_what_it_is_for(row: Gate) -> None:
    assert row.needs
    assert len(set(row.needs)) == len(row.needs)
    assert row.summary
    assert row.kinds


@ROWS
def test_a_closed_gate_leads_to_an_end_that_tells_whether_users_saw_it(row: Gate) -> None:
    seen = row.phase in (Phase.SWITCH, Phase.FINISH)
    expected = State.ROLLED_BACK if seen else State.REFUSED
    housekeeping = row.opens in (State.DRAIN, State.SHUTDOWN, State.CLEANUP, State.WATCH)
    assert row.closed is (State.FAIL_STATE if row is GRAPH.rollback or housekeeping else expected)


@ROWS
def test_a_row_changes_the_host_only_once_all_checks_are_over(row: Gate) -> None:
    if row.where is Substrate.HOST and all_actions(row):
        assert row.phase is not Phase.CHECK


@pytest.mark.parametrize("kind", Kind)
def test_the_phases_follow_each_other(kind: Kind) -> None:
    order = list(Phase)
    phases = [order.index(row.phase) for row in GRAPH.of(kind)]
    assert phases == sorted(phases)


def test_there_is_one_commit_point() -> None:
    switching = [row for row in GRAPH.rows if any(isinstance(a, do.SwitchRoute) for a in all_actions(row))]
    assert [row.opens for row in switching] == [State.ROUTE_TRAFFIC]
    assert [row for row in GRAPH.rows if row.phase is Phase.SWITCH] == switching


@pytest.mark.parametrize("row", GRAPH.rows, ids=lambda row: row.opens)
def test_what_prepares_a_host_can_be_taken_back(row: Gate) -> None:
    """Only inert things stay behind after an undo: fetched objects, layers of an image, services of the project.

    The record and what follows it come after the last gate that takes a release back.
    """
    inert = {do.FetchTag, do.ReadSettings, do.BuildImage, do.StartServices, do.RecycleSlot}
    if row.where is Substrate.HOST and row.opens is not State.CLEANUP:
        for action in all_actions(row):
            assert action.undo() is not None or type(action) in inert, action


@ROWS
def test_all_that_a_row_needs_can_be_looked_at_where_it_runs(row: Gate) -> None:
    config = parse('app = "a"\n[targets.production]\nhost = "local"\n')
    host = HostObserver(MagicMock(), config)
    known = set(
        (host if row.where is Substrate.HOST else RepoObserver(MagicMock(), lambda _tag: REPORT))._lookers
    )
    for need in row.needs:
        assert set(need.observes) <= known, need.id


def test_all_that_guards_an_action_can_be_looked_at_on_the_host() -> None:
    config = parse('app = "a"\n[targets.production]\nhost = "local"\n')
    for guard in GRAPH.guards:
        assert guard.actions
        for need in guard.needs:
            assert set(need.observes) <= set(HostObserver(MagicMock(), config)._lookers), need.id


REPORT = CgmpReport("4" * 40, "key", "process")
LOCAL = {
    git_facts.Workspace,
    f.Tag,
    git_facts.Origin,
    dependencies_facts.Locks,
    dependencies_facts.Declared,
    environment_facts.EnvExample,
    environment_facts.EnvSource,
    CgmpReport,
    git_facts.LastRelease,
    git_facts.Messages,
    secrets_facts.Secrets,
    git_facts.Signature,
    f.Attested,
}


def test_the_operators_observer_sees_each_of_its_kinds() -> None:
    repo = MagicMock()
    seen = {
        git_facts.Workspace: repo.workspace(),
        f.Tag: repo.tag(),
        git_facts.Origin: repo.origin(),
        dependencies_facts.Locks: repo.locks(),
        dependencies_facts.Declared: repo.declared(),
        environment_facts.EnvExample: repo.env_example(),
        environment_facts.EnvSource: repo.env_source(),
        f.Attested: repo.attested(),
        CgmpReport: REPORT,
        git_facts.LastRelease: repo.history.last_release(),
        git_facts.Messages: repo.history.messages(),
        secrets_facts.Secrets: repo.history.secrets(),
        git_facts.Signature: repo.history.signature(),
    }
    assert RepoObserver(repo, lambda _tag: REPORT)(a_run(Kind.DEPLOY), frozenset(LOCAL)).seen == seen


def test_every_action_of_the_table_is_data() -> None:
    for row in GRAPH:
        for action in all_actions(row):
            assert msgspec.json.decode(msgspec.json.encode(action), type=do.AnyAction) == action
