"""What was gone back to is watched: nothing is taken back for it, and the end of the run says how it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec.structs import replace as struct_replace

from l9.core import actions as do
from l9.core import events as ev
from l9.core.run import Run, Step
from l9.core.states import SlotStatus, State
from l9.core.verdict import VerdictKind
from l9.host import queries
from l9.protocol import requests as ask
from world.behaviour import BREAKS_AFTER_SWITCH, GOOD, NEVER_HEALTHY, Behaviour
from world.ending import assert_ended, assert_on_record
from world.host import CONFIG, World

from .conftest import V1, V2, V3, at, entered


def becomes(world: World, behaviour: Behaviour) -> Callable[[], None]:
    """What is live behaves like this from now on."""

    def change() -> None:
        proc = world.machine.slots[world.machine.active]
        assert proc is not None
        proc.behaviour = behaviour

    return change


def with_watch(seconds: float) -> World:
    """v2 is live, v1 stands by, and what was gone back to is watched for this long."""
    world = World(struct_replace(CONFIG, bake=struct_replace(CONFIG.bake, after_rollback=seconds)))
    world.deploy(V1)
    world.deploy(V2)
    return world


def switches(run: Run) -> int:
    return sum(isinstance(step.action, do.SwitchRoute) for step in run.steps)


def watched(run: Run | None) -> ev.Evidence:
    assert run is not None
    assert run.finished is not None
    assert run.finished.watched is not None
    return run.finished.watched


def only_brought_up(run: Run | None, before: tuple[Step, ...], live: str) -> bool:
    """Since those steps, the run has done nothing but see to it that this release runs and has its users."""
    assert run is not None
    since = run.steps[len(before) :]
    assert run.finished is not None and run.finished.slot is not None
    slot = run.finished.slot
    up = (
        do.WakeSlot(slot=slot, release=live, was=SlotStatus.RUNNING),
        do.SwitchRoute(to=slot, back=slot),
    )
    return run.steps[: len(before)] == before and {step.action for step in since} == set(up)


def assert_sick(world: World, run: Run | None, live: str) -> None:
    """The run is over and a person is needed; that release runs, is not healthy, and keeps its users."""
    assert run is not None
    assert run.finished is not None
    assert (run.outcome, run.finished.exit_code, run.finished.live) == (State.FAIL_STATE, 5, live)
    assert_on_record(world, run)
    assert world.machine.release(world.machine.active) == live
    assert world.running == [world.machine.active]
    assert world.monitor.violations == []
    assert watched(run).verdict is VerdictKind.FAIL


def test_good_release_that_was_gone_back_to(two: World) -> None:
    run = two.rollback()
    assert_ended(two, run, State.SUCCESS, live=V1, idle=(V2, "paused"))
    assert watched(run).verdict is VerdictKind.PASS
    assert "answers, none failed" in watched(run).found
    assert run.opened_at[State.WATCH] - run.entered[State.WATCH] >= two.config.bake.after_rollback
    assert queries.status(two.runs()).watched == watched(run)


def test_release_that_turns_sick_after_the_rollback_was_proved(two: World) -> None:
    at(two, entered(State.WATCH), becomes(two, NEVER_HEALTHY))
    run = two.rollback()
    assert_sick(two, run, V1)
    assert watched(run).verdict is VerdictKind.FAIL
    assert "GET /health: status 503" in watched(run).found
    assert switches(run) == 1
    assert run.finished is not None
    assert (run.finished.live, run.finished.standby, run.finished.good) == (V1, V2, (V1,))
    assert two.machine.deployed_tag == V1
    assert queries.status(two.runs()).watched == watched(run)
    line = queries.history(ask.History(), two.runs()).runs[0]  # type: ignore[union-attr]
    assert line.reason is not None
    assert line.reason.startswith(f"{V1} is not healthy: ")


def test_resume_wakes_and_watches_again_and_does_nothing_else(two: World) -> None:
    at(two, entered(State.WATCH), becomes(two, NEVER_HEALTHY))
    before = two.rollback().steps
    still = two.resume()
    assert_sick(two, still, V1)
    becomes(two, GOOD)()
    done = two.resume()
    assert_ended(two, done, State.SUCCESS, live=V1, idle=(V2, "paused"))
    assert watched(done).verdict is VerdictKind.PASS
    assert done is not None
    assert only_brought_up(done, before, V1)
    assert two.resume() is None


def test_release_that_a_deploy_went_back_to_turns_sick(two: World) -> None:
    at(two, entered(State.ROLLBACK), lambda: two.clock.after(0.1, becomes(two, NEVER_HEALTHY)))
    run = two.deploy(V3, BREAKS_AFTER_SWITCH)
    assert_sick(two, run, V2)
    assert watched(run).verdict is VerdictKind.FAIL
    assert switches(run) == 3  # there, back, and once more to be sure
    assert run.finished is not None
    assert run.finished.live == V2


def test_deploy_that_went_back_ends_as_rolled_back_once_the_release_is_well(two: World) -> None:
    at(two, entered(State.ROLLBACK), lambda: two.clock.after(0.1, becomes(two, NEVER_HEALTHY)))
    before = two.deploy(V3, BREAKS_AFTER_SWITCH).steps
    assert_sick(two, two.resume(), V2)
    becomes(two, GOOD)()
    done = two.resume()
    assert_ended(two, done, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.BAKE)
    assert done is not None
    assert only_brought_up(done, before, V2)


def test_good_release_that_a_deploy_went_back_to(two: World) -> None:
    run = two.deploy(V3, BREAKS_AFTER_SWITCH)
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.BAKE)
    assert watched(run).verdict is VerdictKind.PASS


def test_users_get_errors_that_no_probe_gets() -> None:
    world = with_watch(1.0)
    world.router.reports_traffic = True
    idle = world.machine.slots[world.machine.active.other]
    assert idle is not None
    idle.behaviour = replace(GOOD, breaks_after_switch=0.0, breaks_for_users_only=True)
    run = world.rollback()
    assert run.outcome is State.FAIL_STATE
    assert "answers failed: 500 POST /memory/packet" in watched(run).found


def test_slot_that_dies_in_the_watch(two: World) -> None:
    at(two, entered(State.WATCH), lambda: two.machine.kill(two.machine.active))
    run = two.rollback()
    assert run.outcome is State.FAIL_STATE
    assert watched(run).found.startswith(f"{V1} exited in ")
    assert two.running == []  # and nothing was started in place of it


@pytest.mark.parametrize("died", ["exited", "paused"])
def test_resume_starts_what_died_in_the_watch(two: World, died: str) -> None:
    """The engine was killed, and did not start again what it had run."""

    def dies() -> None:
        proc = two.machine.slots[two.machine.active]
        assert proc is not None
        proc.status, proc.fault = died, "by somebody else"

    at(two, entered(State.WATCH), dies)
    run = two.rollback()
    assert run.outcome is State.FAIL_STATE
    assert f"{V1} {died}" in watched(run).found
    done = two.resume()
    assert_ended(two, done, State.SUCCESS, live=V1, idle=(V2, "paused"))
    assert only_brought_up(done, run.steps, V1)


@pytest.mark.parametrize("restarts", [0, 2])
@pytest.mark.parametrize("oom", [False, True])
def test_what_a_standby_lived_through_before_is_no_fault_of_today(
    two: World, restarts: int, *, oom: bool
) -> None:
    """The engine says so of a container for as long as it runs."""
    standby = two.machine.slots[two.machine.active.other]
    assert standby is not None
    standby.oom, standby.restarts = oom, restarts
    run = two.rollback()
    assert_ended(two, run, State.SUCCESS, live=V1, idle=(V2, "paused"))


def test_memory_that_runs_out_in_the_watch(two: World) -> None:
    def out_of_memory() -> None:
        proc = two.machine.slots[two.machine.active]
        assert proc is not None
        proc.oom = True

    at(two, entered(State.WATCH), lambda: two.clock.after(0.1, out_of_memory))
    run = two.rollback()
    assert run.outcome is State.FAIL_STATE
    assert watched(run).found.startswith("out of memory: killed")


def test_answers_from_elsewhere_are_reported_and_the_route_is_left_alone(two: World) -> None:
    at(two, entered(State.WATCH), lambda: two.machine.stick(two.machine.active.other))
    run = two.rollback()
    assert run.outcome is State.FAIL_STATE
    assert "public route" in watched(run).found
    assert switches(run) == 1


def test_router_whose_log_cannot_be_read_says_nothing_of_the_release(two: World) -> None:
    two.acts.failing["router.traffic"] = lambda: True
    assert_ended(two, two.rollback(), State.SUCCESS, live=V1, idle=(V2, "paused"))


def test_users_who_never_left_are_not_watched(two: World) -> None:
    run = two.deploy(V3, NEVER_HEALTHY)
    assert run.outcome is State.REFUSED
    assert run.finished is not None
    assert run.finished.watched is None
    assert queries.status(two.runs()).watched is None


@pytest.mark.parametrize("back", [False, True])
def test_watch_that_is_switched_off(*, back: bool) -> None:
    world = with_watch(0.0)
    run = world.deploy(V3, BREAKS_AFTER_SWITCH) if back else world.rollback()
    assert run.outcome is (State.ROLLED_BACK if back else State.SUCCESS)
    assert watched(run).found == "not watched: bake.after_rollback is 0"
