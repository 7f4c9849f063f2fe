"""The router does not do what the flag says: what answers decides, and nobody is cut off."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from l9.core import actions as do
from l9.core import events as ev
from l9.core.states import Slot, State
from world.behaviour import BREAKS_AFTER_SWITCH
from world.ending import assert_ended, why
from world.host import World

from .conftest import V1, V2, V3, at, entered, opened

STOPPED = (V1, "exited")  # the standby gave up its slot, and has it back


def paused(event: ev.AnyEvent) -> bool:
    return isinstance(event, ev.ActionDone) and event.gate is State.SHUTDOWN


def serving(world: World) -> Slot:
    return world.machine.active


def test_flag_flipped_by_hand_in_the_bake_is_no_success(two: World) -> None:
    old = serving(two)
    at(two, entered(State.BAKE), lambda: two.machine.flip(old))
    run = two.deploy(V3)
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=STOPPED, closed_by=State.BAKE)
    assert f"{old.other} with {V3}, found status 200 from {old}" in why(run)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 0.95])
def test_router_that_no_longer_reads_the_flag_in_the_bake(two: World, seconds: float) -> None:
    old = serving(two)

    def later() -> None:
        two.clock.after(seconds, lambda: two.machine.stick(old))

    at(two, entered(State.BAKE), later)
    run = two.deploy(V3)
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=STOPPED, closed_by=State.BAKE)


@pytest.mark.parametrize("moment", [opened(State.BAKE), entered(State.DRAIN), opened(State.DRAIN)])
def test_slot_that_users_are_still_on_is_not_paused(
    two: World, moment: Callable[[ev.AnyEvent], bool]
) -> None:
    old, before = serving(two), len(two.acts.done)
    at(two, moment, lambda: two.machine.stick(old))
    run = two.deploy(V3)
    assert run.outcome is State.FAIL_STATE
    assert f"although the route names {old.other}" in why(run)
    assert two.live == V2
    assert not any(act.startswith(("runtime.pause", "runtime.stop")) for act in two.acts.done[before:])
    assert two.monitor.violations == []
    assert two.monitor.failed == 0


def test_router_that_reads_the_flag_again_in_time_ends_well(two: World) -> None:
    old = serving(two)

    def for_three_seconds() -> None:
        two.machine.stick(old)
        two.clock.after(3.0, lambda: two.machine.stick(None))

    at(two, entered(State.SHUTDOWN), for_three_seconds)
    assert_ended(two, two.deploy(V3), State.SUCCESS, live=V3, idle=(V2, "paused"))


def test_users_who_come_back_to_a_paused_slot_are_reported(two: World) -> None:
    old = serving(two)
    at(two, paused, lambda: two.machine.stick(old))
    run = two.deploy(V3)
    assert run.outcome is State.FAIL_STATE
    assert "timed out" in why(run)
    assert run.closed is not None and run.closed.findings[0].remedy == "l9 rollback"


def recorded(event: ev.AnyEvent) -> bool:
    return isinstance(event, ev.ActionDone) and event.gate is State.CLEANUP


@pytest.mark.parametrize(
    "moment", [entered(State.DRAIN), entered(State.SHUTDOWN), paused, entered(State.CLEANUP), recorded]
)
@pytest.mark.parametrize("tag", [V1, V3])
def test_flag_flipped_after_the_release_was_accepted_is_set_again(
    two: World, moment: Callable[[ev.AnyEvent], bool], tag: str
) -> None:
    """By the run itself, in a deploy and in a rollback: users do not wait for a person."""
    old, before = serving(two), two.live
    at(two, moment, lambda: two.machine.flip(old))
    run = two.deploy(V3) if tag == V3 else two.rollback()
    assert (run.outcome, two.live, serving(two)) == (State.SUCCESS, tag, old.other)
    assert two.idle == (before, "paused")
    assert [s.gate for s in run.steps if isinstance(s.action, do.SwitchRoute)] == [State.ROUTE_TRAFFIC] * 2


@pytest.mark.parametrize("streams", [0, 2])
def test_users_that_a_flipped_flag_brought_back_are_not_left_hanging(two: World, streams: int) -> None:
    """The old slot was quiet once; users came again with the flag, and were being answered when it was set back."""
    old = serving(two)
    two.machine.slow = 0.4  # seconds, within the grace

    def flip() -> None:
        two.machine.flip(old)
        two.machine.streams[old] = streams

    at(two, entered(State.SHUTDOWN), flip)
    run = two.deploy(V3)
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert any(isinstance(step.action, do.RecycleSlot) for step in run.steps)


def test_route_is_set_again_once_and_then_a_person_is_asked(two: World) -> None:
    old = serving(two)

    def flip(event: ev.AnyEvent) -> bool:
        """After the pause, and after the route was set again."""
        switched = isinstance(event, ev.ActionDone) and event.gate is State.ROUTE_TRAFFIC
        if paused(event) or (switched and two.machine.slots[old].status == "paused"):
            two.machine.flip(old)
        return False

    at(two, flip, lambda: None)
    run = two.deploy(V3)
    assert run.outcome is State.FAIL_STATE
    assert f"the route names {old}" in why(run)
    two.after_entry = lambda _entry: None
    resumed = two.resume()
    assert resumed is not None
    assert (resumed.outcome, two.live, serving(two)) == (State.SUCCESS, V3, old.other)
    assert two.resume() is None


def test_router_that_never_read_the_flag_closes_the_proof(two: World) -> None:
    two.machine.stick(serving(two))
    assert_ended(two, two.deploy(V3), State.ROLLED_BACK, live=V2, idle=STOPPED, closed_by=State.PROOF)


def test_release_that_users_are_still_on_is_not_removed(two: World) -> None:
    """The undo of the switch changed the flag, and the router no longer reads it."""
    new = serving(two).other
    at(two, opened(State.PROOF), lambda: two.machine.stick(new))
    run = two.deploy(V3, BREAKS_AFTER_SWITCH)
    assert run.outcome is State.FAIL_STATE
    removal = next(s for s in run.steps if isinstance(s.action, do.RemoveSlot | do.StopSlot))
    assert removal.failure is not None and "although the route names" in removal.failure.found
    assert two.machine.release(new) == V3 and two.machine.runs(new)
    assert two.monitor.violations == []


def test_router_that_is_away_for_a_moment_does_not_stop_the_run(two: World) -> None:
    def away() -> None:
        two.machine.front = "nothing"
        two.clock.after(3, lambda: setattr(two.machine, "front", "router"))

    at(two, opened(State.DRAIN), away)
    assert_ended(two, two.deploy(V3), State.SUCCESS, live=V3, idle=(V2, "paused"))


def test_standby_that_somebody_sends_users_to_in_mid_run_is_not_evicted(two: World) -> None:
    idle, before = serving(two).other, len(two.acts.done)

    def by_hand() -> None:
        two.machine.slots[idle].status = "running"
        two.machine.flip(idle)

    at(two, entered(State.BLUE_GREEN_LAUNCH), by_hand)
    run = two.deploy(V3)
    assert run.outcome is State.REFUSED
    assert f"no public traffic to {idle}" in str(run.closed)
    assert two.live == V2  # the way back set the route again
    assert not any(act.startswith("runtime.evict") for act in two.acts.done[before:])
    assert two.monitor.failed == 0
