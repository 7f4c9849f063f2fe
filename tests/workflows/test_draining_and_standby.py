"""What was accepted is answered, streams are not left hanging, and the standby ends when its time is over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l9.core import actions as do
from l9.core import events as ev
from l9.core.states import Slot, State
from world.acts import times
from world.behaviour import BREAKS_AFTER_SWITCH, HEARS_NO_SIGTERM, NEVER_HEALTHY, STOPS_SLOWLY
from world.ending import assert_ended, evidence
from world.host import World

from .conftest import V1, V2, V3


def fails_on_the_way_back(world: World, look: str) -> None:
    """That look fails once, as soon as users have been sent back."""
    switch = world.machine.route

    def route(to: Slot) -> None:
        if world.machine.active is not to and world.machine.release(to) == V2:
            world.acts.failing[look] = times(1)
        switch(to)

    world.machine.route = route  # type: ignore[method-assign]


def actions(run: object) -> list[type]:
    return [type(s.action) for s in run.steps]  # type: ignore[attr-defined]


def test_slow_requests_are_waited_for(two: World) -> None:
    two.machine.slow = 0.3
    run = two.deploy(V3)
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert "no request in flight" in evidence(run, State.DRAIN)


def test_slow_requests_on_a_bad_release_are_waited_for_too(two: World) -> None:
    two.machine.slow = 0.3
    run = two.deploy(V3, BREAKS_AFTER_SWITCH)
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.BAKE)


def test_streams_open_after_grace_recycle_the_old_slot(two: World) -> None:
    old = two.machine.active
    two.machine.streams[old] = 3
    run = two.deploy(V3)
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert do.RecycleSlot in actions(run)
    assert two.machine.streams == {old: 0, old.other: 3}


def test_quiet_old_slot_is_not_recycled(two: World) -> None:
    assert do.RecycleSlot not in actions(two.deploy(V3))


def test_proxy_that_cannot_count_is_waited_for_the_whole_grace(two: World) -> None:
    two.router.counts_flight = False
    run = two.deploy(V3)
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert "unknown number of requests" in evidence(run, State.DRAIN)
    assert do.RecycleSlot in actions(run)


def test_proxy_that_cannot_count_on_the_way_back(two: World) -> None:
    """Unknown is not none: the bad release's slot is given the grace before it goes."""
    two.router.counts_flight = False
    two.machine.slow = 0.3
    run = two.deploy(V3, BREAKS_AFTER_SWITCH)
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.BAKE)


def test_streams_on_a_woken_release_that_is_undone_do_not_hang(two: World) -> None:
    """A paused stream hangs for ever: what users are still on is stopped and not paused."""
    woken = two.machine.active.other
    two.clock.after(0.02, lambda: two.machine.labels.update({woken: "v9.9.9-l9"}))  # the proof must fail
    two.clock.after(1.0, lambda: two.machine.streams.update({woken: 2}))
    run = two.rollback()
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.PROOF)


@pytest.mark.parametrize("counts_flight", [True, False])
def test_release_that_drops_requests_at_sigterm_loses_none(two: World, *, counts_flight: bool) -> None:
    """Only leaving the proxy first, and waiting, helps such a release; on the way back too."""
    two.machine.slow, two.router.counts_flight = 0.3, counts_flight
    bad = replace(BREAKS_AFTER_SWITCH, drops=True)
    run = two.deploy(V3, bad)
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.BAKE)


def test_release_that_stops_slowly(two: World) -> None:
    two.machine.releases[V2] = STOPS_SLOWLY
    run = two.deploy(V3, BREAKS_AFTER_SWITCH)
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.BAKE)


def test_release_that_hears_no_sigterm_is_killed_after_the_grace(one: World) -> None:
    one.deploy(V2, HEARS_NO_SIGTERM)
    one.deploy(V3)
    assert_ended(one, one.deploy("v1.0.4-l9"), State.SUCCESS, live="v1.0.4-l9", idle=(V3, "paused"))


def test_standby_is_stopped_after_its_time(two: World) -> None:
    two.wait(590)
    assert two.tick() == (None, None)
    assert two.idle == (V1, "paused")
    two.wait(11)
    assert two.tick() == (None, V1)
    assert two.idle == (V1, "exited")
    assert two.tick() == (None, None)
    assert two.live == V2
    assert two.monitor.violations == []


def test_standby_is_never_the_live_slot(one: World) -> None:
    one.wait(5000)
    assert one.tick() == (None, None)
    assert one.live == V1


def test_requests_in_flight_that_nobody_could_count_at_once_are_counted_again(two: World) -> None:
    two.machine.slow = 0.3
    run_back = two.fork()
    for look in ("router.in_flight", "router.active"):
        world = run_back.fork()
        fails_on_the_way_back(world, look)
        run = world.deploy(V3, BREAKS_AFTER_SWITCH)
        assert_ended(world, run, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.BAKE)


def test_how_the_bad_release_was_left_is_on_record(two: World) -> None:
    two.machine.slow = 0.3
    bad = two.machine.active.other
    two.deploy(V3, BREAKS_AFTER_SWITCH)
    (seen,) = (
        e.body.evidence for e in two.journal.last_run()
        if isinstance(e.body, ev.ActionIntended) and isinstance(e.body.action, do.RemoveSlot)
    )  # fmt: skip
    assert [each.invariant for each in seen] == ["host.slot-idle", "host.drained"]
    assert f"no request in flight on {bad}" in seen[1].found


def test_old_slot_that_is_not_healthy_again_after_its_restart_stands_by_as_it_is(two: World) -> None:
    two.machine.streams[two.machine.active] = 2
    two.machine.releases[V2] = NEVER_HEALTHY
    run = two.deploy(V3)
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    (seen,) = (
        e.body.evidence for e in two.journal.last_run()
        if isinstance(e.body, ev.ActionIntended) and isinstance(e.body.action, do.PauseSlot)
    )  # fmt: skip
    assert "is not healthy within 2 s, and stands by as it is" in seen[1].found
