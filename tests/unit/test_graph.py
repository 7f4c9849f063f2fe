"""The table: what may be worked on, and what the rows with a choice do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from l9.checks.host.live_invariants import QUIET
from l9.core import actions as do
from l9.core.decide import conclusion
from l9.core.gates import Gate, Graph
from l9.core.run import Run, Step
from l9.core.states import Kind, Slot, SlotStatus, State, Substrate
from l9.graph import GRAPH, GUARDS, ROLLBACK, ROWS
from samples import BEFORE, FIRST_DEPLOY, TAG, a_run, opened

NEW = {"slot": Slot.GREEN, "release": TAG}
OLD = {"slot": Slot.BLUE, "release": BEFORE}


def does(state: State, run: Run) -> tuple[do.AnyAction, ...]:
    return GRAPH.row(state).does(run)


def with_open(run: Run, *gates: State) -> Run:
    return replace(run, opened={gate: opened(gate) for gate in gates})


def test_a_gate_without_needs_is_refused() -> None:
    vacuous = Gate(State.BAKE, where=Substrate.HOST, after=(), needs=())
    with pytest.raises(ValueError, match="gate BAKE has no needs: it could never close"):
        Graph((vacuous,), GRAPH.rollback)


def test_each_kind_of_run_has_its_rows() -> None:
    assert State.RELEASE_RETAINED not in {row.opens for row in GRAPH.of(Kind.DEPLOY)}
    assert [row.opens for row in GRAPH.of(Kind.ROLLBACK)][:2] == [
        State.RELEASE_RETAINED,
        State.BLUE_GREEN_LAUNCH,
    ]
    assert {row.where for row in GRAPH.of(Kind.DEPLOY, Substrate.WORKSPACE, Substrate.REPOSITORY)} == {
        Substrate.WORKSPACE,
        Substrate.REPOSITORY,
    }


def test_the_frontier_is_what_is_not_open_with_all_before_it_open() -> None:
    run = a_run()
    assert [row.opens for row in GRAPH.frontier(run)] == [State.LOCAL_READY]
    assert GRAPH.frontier(run, Substrate.HOST) == ()
    ready = with_open(run, State.LOCAL_READY)
    # In parallel (spec 1.2), and the one that only looks first, so that the cheap gate closes first.
    assert [row.opens for row in GRAPH.frontier(ready)] == [State.VERSION_LOCK, State.FIX]


def test_a_rollback_begins_at_the_release_that_is_retained() -> None:
    run = a_run(kind=Kind.ROLLBACK)
    assert [row.opens for row in GRAPH.frontier(run)] == [State.RELEASE_RETAINED]
    # Gates that only a deploy has do not hold a rollback up.
    assert [row.opens for row in GRAPH.frontier(with_open(run, State.RELEASE_RETAINED))] == [
        State.BLUE_GREEN_LAUNCH
    ]


def test_a_row_is_found_by_what_it_opens() -> None:
    assert GRAPH.row(State.ROLLBACK) is ROLLBACK
    with pytest.raises(KeyError):
        GRAPH.row(State.SUCCESS)


def test_the_digest_changes_with_the_tables_shape() -> None:
    assert Graph(ROWS, ROLLBACK, GUARDS).digest == GRAPH.digest
    assert Graph(ROWS[:-1], ROLLBACK, GUARDS).digest != GRAPH.digest
    moved = replace(ROWS[-1], after=(State.BAKE,))
    assert Graph((*ROWS[:-1], moved), ROLLBACK, GUARDS).digest != GRAPH.digest
    assert Graph(ROWS, ROLLBACK, GUARDS[:-1]).digest != GRAPH.digest


@pytest.mark.parametrize(
    ("changed", "actions"),
    [
        ({}, (do.StartSlot(**NEW),)),
        (
            {"evict": "v0.4.0-l9"},
            (do.EvictSlot(slot=Slot.GREEN, release="v0.4.0-l9"), do.StartSlot(**NEW)),
        ),
        ({"wake": SlotStatus.PAUSED}, (do.WakeSlot(**NEW, was=SlotStatus.PAUSED),)),
        ({"wake": SlotStatus.EXITED}, (do.WakeSlot(**NEW, was=SlotStatus.EXITED),)),
    ],
)
def test_a_release_is_started_or_woken(changed: dict[str, str], actions: tuple[do.AnyAction, ...]) -> None:
    assert does(State.BLUE_GREEN_LAUNCH, a_run(**changed)) == actions


def test_an_old_slot_with_open_streams_is_restarted_before_it_is_paused() -> None:
    drained = State.DRAIN
    quiet = replace(a_run(), opened={drained: opened(drained, f"{QUIET} on blue")})
    streams = replace(a_run(), opened={drained: opened(drained, "grace period of 30 s is over")})
    assert does(State.SHUTDOWN, quiet) == (do.PauseSlot(**OLD),)
    assert does(State.SHUTDOWN, streams) == (do.RecycleSlot(**OLD), do.PauseSlot(**OLD))
    assert does(State.SHUTDOWN, a_run()) == (do.RecycleSlot(**OLD), do.PauseSlot(**OLD))
    nothing_said = replace(a_run(), opened={drained: opened(drained)})
    assert does(State.SHUTDOWN, nothing_said) == (do.RecycleSlot(**OLD), do.PauseSlot(**OLD))
    one_of_two = replace(a_run(), opened={drained: opened(drained, "all is well", f"{QUIET} on blue")})
    assert does(State.SHUTDOWN, one_of_two) == (do.PauseSlot(**OLD),)


def test_the_way_back_makes_sure_that_the_old_release_runs_and_is_routed_to() -> None:
    assert does(State.ROLLBACK, a_run()) == (
        do.WakeSlot(**OLD, was=SlotStatus.RUNNING),
        do.SwitchRoute(to=Slot.BLUE, back=Slot.BLUE),
    )


SWITCHED = Step(0, State.ROUTE_TRAFFIC, do.SwitchRoute(to=Slot.GREEN, back=Slot.BLUE), "done")
SENT_BACK = replace(a_run(), steps=(SWITCHED,), aborted="not now")
WENT_BACK = replace(SENT_BACK, finished=conclusion(SENT_BACK, State.ROLLED_BACK, 0.0))
RECYCLED = replace(a_run(), steps=(Step(0, State.SHUTDOWN, do.RecycleSlot(**OLD), "done"),))


def test_before_users_are_sent_back_the_old_release_is_woken() -> None:
    assert ROLLBACK.first(a_run()) == ()
    assert ROLLBACK.first(SENT_BACK) == (do.WakeSlot(**OLD, was=SlotStatus.RUNNING),)


@pytest.mark.parametrize("lacks", [{"old": None}, {"previous": None}, {"old": None, "previous": None}])
def test_without_an_old_slot_and_its_release_nothing_is_woken_or_put_on_standby(
    lacks: dict[str, None],
) -> None:
    run = replace(SENT_BACK, **lacks)
    assert ROLLBACK.first(run) == ROLLBACK.does(run) == does(State.SHUTDOWN, run) == ()


def test_a_release_that_is_rebuilt_gets_its_tree_image_and_services() -> None:
    run = a_run(kind=Kind.ROLLBACK, rebuild=True)
    assert [str(action) for action in does(State.RELEASE_RETAINED, run)] == [
        f"add-tree tag={TAG} created_by_run",
        f"read-settings tag={TAG}",
        f"build-image tag={TAG} commit={run.commit} no_cache",
        f"start-services tag={TAG}",
    ]
    assert does(State.RELEASE_RETAINED, a_run(kind=Kind.ROLLBACK)) == ()


def test_a_slot_that_users_were_on_is_stopped_and_not_paused() -> None:
    woken, started = do.WakeSlot(**NEW, was=SlotStatus.PAUSED), do.StartSlot(**NEW)
    assert GRAPH.undo_of(a_run(), woken) == do.PauseSlot(**NEW)
    assert GRAPH.undo_of(SENT_BACK, woken) == do.StopSlot(**NEW)
    assert GRAPH.undo_of(SENT_BACK, started) == do.RemoveSlot(**NEW)
    assert Graph(ROWS, ROLLBACK).undo_of(SENT_BACK, woken) == do.PauseSlot(**NEW)


@pytest.mark.parametrize(
    ("run", "action", "needs"),
    [
        (a_run(), do.SwitchRoute(to=Slot.GREEN, back=Slot.BLUE), ("host.target-answers",)),
        (a_run(), do.RemoveSlot(**NEW), ("host.slot-idle",)),
        (replace(SENT_BACK, aborted=None), do.RemoveSlot(**NEW), ("host.slot-idle",)),
        (replace(SENT_BACK, steps=()), do.RemoveSlot(**NEW), ("host.slot-idle",)),
        (SENT_BACK, do.RemoveSlot(**NEW), ("host.slot-idle", "host.drained")),
        (SENT_BACK, do.StopSlot(**NEW), ("host.slot-idle", "host.drained")),
        (WENT_BACK, do.StopSlot(**OLD), ("host.slot-idle",)),
        (a_run(), do.PauseSlot(**OLD), ("host.slot-idle",)),
        (RECYCLED, do.PauseSlot(**OLD), ("host.slot-idle", "host.standby-warm")),
        (a_run(), do.RecycleSlot(**OLD), ("host.slot-idle",)),
        (a_run(), do.RemoveTree(tag=TAG), ("host.tree-unused",)),
        (a_run(), do.StartSlot(**NEW), ()),
    ],
    ids=lambda value: str(value) if isinstance(value, do.Action) else "",
)  # fmt: skip
def test_an_action_is_guarded_by(run: Run, action: do.AnyAction, needs: tuple[str, ...]) -> None:
    assert tuple(need.id for need in GRAPH.before(run, action)) == needs


def test_a_first_deploy_has_nothing_to_put_on_standby_or_back() -> None:
    first = a_run(**FIRST_DEPLOY)
    assert does(State.SHUTDOWN, first) == ()
    assert does(State.ROLLBACK, first) == ()
    assert does(State.ROUTE_TRAFFIC, first) == (do.SwitchRoute(to=Slot.GREEN, back=Slot.BLUE),)


def test_what_the_other_rows_do() -> None:
    run = a_run(created_by_run=False)
    assert [str(action) for row in GRAPH.of(Kind.DEPLOY) for action in row.does(run)] == [
        *(f"run-stage tag={TAG} stage={stage}" for stage in ("fix", "sim", "cov", "oracle")),
        f"push tag={TAG}",
        f"fetch-tag tag={TAG}",
        f"add-tree tag={TAG}",
        f"read-settings tag={TAG} blob={run.config_blob}",
        f"build-image tag={TAG} commit={run.commit}",
        f"start-services tag={TAG}",
        f"start-slot slot=green release={TAG}",
        "switch-route to=green back=blue",
        f"recycle-slot slot=blue release={BEFORE}",
        f"pause-slot slot=blue release={BEFORE}",
        f"record-release tag={TAG} commit={run.commit}",
        f"prune keep={','.join(run.retained)}",
    ]
