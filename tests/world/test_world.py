"""The simulator itself: it must notice what it is there to notice, or all that is proved on it is worth nothing."""

from __future__ import annotations

import pytest

from l9.core.states import Slot, State
from l9.errors import ActionError

from . import faults
from .acts import always, times
from .behaviour import BREAKS_AFTER_SWITCH, GOOD, NEVER_HEALTHY, Behaviour
from .clock import START, Stuck, VirtualClock
from .cuts import JOURNAL, PORT, Crash
from .host import World

V1, V2 = "v1.0.0-l9", "v1.1.0-l9"


@pytest.fixture
def world() -> World:
    """v1 is live, and users count on it."""
    made = World()
    assert made.deploy(V1).outcome is State.SUCCESS
    assert made.monitor.violations == []
    return made


def live(world: World) -> Slot:
    return world.machine.active


@pytest.mark.parametrize("act", ["pause", "stop", "remove", "evict"])
def test_live_slot_taken_away_is_an_outage(world: World, act: str) -> None:
    getattr(world.runtime, act)(live(world), V1)
    world.wait(1)
    assert world.monitor.violations
    assert world.monitor.failed == 20
    assert world.monitor.failed_by_release == 0


def test_outage_of_no_time_at_all_is_seen(world: World) -> None:
    world.runtime.pause(live(world), V1)
    world.runtime.wake(live(world), V1)
    assert world.monitor.violations
    assert world.monitor.failed == 0


@pytest.mark.parametrize("behaviour", [NEVER_HEALTHY, Behaviour(starts_in=5)])
def test_route_to_a_slot_that_is_not_healthy_is_seen(world: World, behaviour: Behaviour) -> None:
    other = live(world).other
    world.tag(V2, behaviour)
    world.machine.built[V2] = "c" * 40
    world.runtime.start(other, V2)
    world.wait(1)
    world.router.switch(other)
    assert any("not healthy" in v for v in world.monitor.violations)


def test_route_to_an_empty_slot_is_seen(world: World) -> None:
    world.router.switch(live(world).other)
    assert any("which is not healthy" in v for v in world.monitor.violations)


def test_outage_by_somebody_else_is_not_blamed_on_l9(world: World) -> None:
    world.machine.kill(live(world))
    world.wait(1)
    assert world.monitor.violations == []
    assert world.monitor.failed == 0
    assert world.monitor.failed_by_release == 20


def test_outage_before_the_first_success_is_none() -> None:
    world = World()
    world.wait(5)
    assert world.deploy(V1, NEVER_HEALTHY).outcome is State.REFUSED
    assert world.monitor.violations == []


def test_bad_release_fails_its_own_users(world: World) -> None:
    run = world.deploy(V2, BREAKS_AFTER_SWITCH)
    assert run.outcome is State.ROLLED_BACK
    assert world.monitor.failed_by_release > 0
    assert world.monitor.failed == 0


@pytest.mark.parametrize(("slow", "lost"), [(0.2, 0), (5.0, 1)])
def test_request_that_takes_longer_than_the_grace_is_lost(world: World, slow: float, lost: int) -> None:
    world.machine.slow = slow
    assert world.deploy(V2).outcome is State.SUCCESS
    assert world.monitor.failed == lost


def test_request_on_a_paused_slot_is_lost(world: World) -> None:
    world.machine.slow = 0.2
    world.runtime.pause(live(world), V1)
    assert world.machine.lost


def test_stream_on_a_paused_slot_hangs(world: World) -> None:
    world.machine.streams[live(world)] = 2
    world.runtime.pause(live(world), V1)
    assert world.machine.hung_streams == 2


def test_stream_on_a_stopped_slot_connects_again_to_the_live_one(world: World) -> None:
    old = live(world)
    world.machine.streams[old] = 2
    world.deploy(V2)
    assert world.machine.streams == {old: 0, old.other: 2}


# ── time ─────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_due_happens_in_order_and_at_its_time() -> None:
    clock, seen = VirtualClock(), []
    for seconds in (3.0, 1.0, 2.0):
        clock.after(seconds, lambda s=seconds: seen.append((s, clock.now() - START)))  # type: ignore[misc]
    clock.sleep(2.5)
    assert seen == [(1.0, 1.0), (2.0, 2.0)]
    assert clock.now() == START + 2.5
    clock.sleep(1)
    assert seen[-1] == (3.0, 3.0)


def test_run_that_waits_for_ever_is_stuck() -> None:
    clock = VirtualClock()
    clock.limit = START + 1
    with pytest.raises(Stuck):
        clock.sleep(2)


# ── faults and crashes ───────────────────────────────────────────────────────────────────────────


def test_act_fails_as_often_as_it_is_told_to(world: World) -> None:
    world.acts.failing["record.write"] = times(1, after=1)
    world.record.write({"deployed_tag": V1})
    with pytest.raises(ActionError):
        world.record.write({"deployed_tag": V1})
    world.record.write({"deployed_tag": V1})
    world.acts.failing["record.write"] = always
    with pytest.raises(ActionError):
        world.record.write({"deployed_tag": V1})


def test_crash_comes_where_it_was_armed_and_only_once(world: World) -> None:
    for kind, first in ((JOURNAL, "run-started"), (PORT, f"before source.fetch {V2}")):
        trial = world.fork()
        trial.cuts.arm(kind, 1)
        with pytest.raises(Crash, match=first):
            trial.deploy(V2)
        assert trial.recover() is not None


def test_crash_is_no_exception_that_l9_could_handle() -> None:
    assert not issubclass(Crash, Exception)
    assert not issubclass(Stuck, Exception)


BLIND, STUCK, DEAF = (
    "the router cannot enter the flag's folder",
    "the router does not read the flag",
    "the router hangs",
)


@pytest.mark.parametrize("two", [(DEAF, BLIND), (BLIND, DEAF), (BLIND, STUCK)])
@pytest.mark.parametrize("first", [0, 1])
def test_outages_of_others_may_overlap_and_end_in_any_order(
    world: World, two: tuple[str, str], first: int
) -> None:
    assert live(world) is Slot.GREEN  # a router that cannot see the flag goes to blue, where nothing is
    for name in two:
        faults.begin(world, name)
    world.router.answering()  # l9 asks, and knows from then on
    for name in (two[first], two[1 - first]):
        faults.end(world, name)
        world.wait(1)
    assert world.live == V1
    assert world.monitor.violations == []
    assert world.monitor.failed == 0
    world.runtime.pause(Slot.GREEN, V1)
    assert world.monitor.violations  # what l9 does afterwards is l9's


def test_fork_shares_nothing_that_changes(world: World) -> None:
    other, before = world.fork(), world.state()
    assert other.deploy(V2).outcome is State.SUCCESS
    assert world.state() == before
    assert (world.live, other.live) == (V1, V2)
    assert world.deploy(V2, GOOD).outcome is State.SUCCESS
    assert world.state() == other.state()
