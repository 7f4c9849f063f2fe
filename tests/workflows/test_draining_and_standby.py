"""Accepted requests are answered, streams are not left hanging, and the standby ends when its time is over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec.structs import replace as struct_replace

from l9.core import actions as do
from l9.core import events as ev
from l9.core.run import Run
from l9.core.states import Slot, State
from l9.errors import ActionError
from l9.host import queries
from l9.protocol import requests as ask
from world.acts import times
from world.behaviour import BREAKS_AFTER_SWITCH, HEARS_NO_SIGTERM, NEVER_HEALTHY, STOPS_SLOWLY
from world.cuts import JOURNAL, Crash
from world.ending import assert_ended, evidence
from world.host import World

from .conftest import V1, V2, V3, at, entered


def replace_steps(run: Run) -> Run:
    """The run without what was done after its end."""
    kept = tuple(step for step in run.steps if not isinstance(step.action, do.StopSlot))
    return struct_replace(run, steps=kept, acted_at={})


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


def test_users_past_the_router_are_waited_for(two: World) -> None:
    old = two.machine.active
    two.machine.direct[old] = 1
    at(two, entered(State.DRAIN), lambda: two.clock.after(0.2, lambda: two.machine.direct.update({old: 0})))
    run = two.deploy(V3)
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert "no request in flight" in evidence(run, State.DRAIN)
    assert run.opened_at[State.DRAIN] - run.entered[State.DRAIN] >= 0.2
    assert do.RecycleSlot not in actions(run)


def test_user_past_the_router_who_stays_gets_the_grace_and_a_server_that_closes(two: World) -> None:
    """A connection to a paused server would hang."""
    two.machine.direct[two.machine.active] = 1
    run = two.deploy(V3)
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert "grace period of 0.5 s is over with 0 requests open" in evidence(run, State.DRAIN)
    assert "1 connections past the router" in evidence(run, State.DRAIN)
    assert do.RecycleSlot in actions(run)


def test_answer_of_the_old_slot_in_the_access_log_is_no_quiet(two: World) -> None:
    """The router counted nothing, and its log shows that a request was there between two looks."""
    two.router.reports_traffic = True
    old, moment = two.machine.active, []

    def late() -> None:
        moment.append(two.clock.now())
        two.machine.left_at[old] = two.clock.now()

    at(two, entered(State.DRAIN), lambda: two.clock.after(0.1, late))
    run = two.deploy(V3)
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert run.opened_at[State.DRAIN] > moment[0]


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


def test_stop_of_the_standby_is_on_record_and_disturbs_nobody_who_reads_it(two: World) -> None:
    """It is a step of the run that left the slot; that run stays the newest, and its end the newest end."""
    target, before = two.runs().rollback_target(None), two.last()
    assert before is not None
    ended, history = two.journal.last_finished(), queries.history(ask.History(), two.runs())
    status = queries.status(two.runs())
    two.wait(601)
    two.tick()
    after = two.last()
    assert after is not None
    assert after.steps[-1].action == do.StopSlot(slot=two.machine.active.other, release=V1)
    assert after.steps[-1].status == "done"
    assert replace_steps(after) == replace_steps(before)
    assert two.journal.last_finished() == ended
    assert two.runs().rollback_target(None) == target == V1
    assert queries.history(ask.History(), two.runs()) == history
    stopped = queries.status(two.runs())
    assert stopped.run == status.run
    assert stopped.standby == struct_replace(status.standby, status="exited", until=None)
    shown = queries.explain(ask.Explain(), two.runs()).entries
    assert [type(entry.body) for entry in shown][-2:] == [ev.ActionIntended, ev.ActionDone]


@pytest.mark.parametrize("ahead", [3600.0, -3600.0])
def test_standby_lasts_as_long_as_it_should_whatever_the_clock_says(two: World, ahead: float) -> None:
    two.clock.ahead = ahead
    two.wait(300)
    assert two.tick() == (None, None)
    assert two.idle == (V1, "paused")
    two.wait(310)
    assert two.tick() == (None, V1)


def test_after_a_reboot_nothing_stands_by_any_more(two: World) -> None:
    """A standby from before the reboot is stopped, even if the engine still reports it as paused."""
    two.clock.boots += 1
    assert two.tick() == (None, V1)


def test_standby_that_cannot_be_stopped_is_tried_again_later(two: World) -> None:
    """The timer says so loudly, once for each time that a slot stands by; and not every minute."""
    two.acts.failing["runtime.stop"] = times(1)
    two.wait(601)
    with pytest.raises(ActionError, match="standby slot was not stopped") as refused:
        two.tick()
    assert "a fault of the test's" in refused.value.found
    two.wait(60)
    assert two.tick() == (None, None)
    assert two.idle == (V1, "paused")
    two.wait(541)
    assert two.tick() == (None, V1)
    run = two.last()
    assert run is not None
    assert [s.status for s in run.steps if isinstance(s.action, do.StopSlot)] == ["failed", "done"]


def test_standby_slot_was_switched_to_by_hand_while_the_timer_was_dead(two: World) -> None:
    """The stop that was intended is not taken up: the slot serves the public now."""
    idle = two.machine.active.other
    two.wait(601)
    two.cuts.arm(JOURNAL, 1)
    with pytest.raises(Crash):
        two.tick()
    two.machine.slots[idle].status = "running"
    two.machine.route(idle)
    with pytest.raises(ActionError) as refused:
        two.tick()
    assert refused.value.found == f"public traffic goes to {idle}"
    assert two.machine.runs(idle)
    assert two.monitor.violations == []


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
    assert "is not healthy within 2 s: pausing it anyway" in seen[1].found
