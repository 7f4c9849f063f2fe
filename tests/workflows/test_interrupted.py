"""The deployer is killed, and the world does not wait: what the next command finds, and makes of it."""

from __future__ import annotations

import pytest

from l9.core import actions as do
from l9.core import events as ev
from l9.core.states import Slot, State
from world.behaviour import BREAKS_AFTER_SWITCH, GOOD, Behaviour
from world.cuts import JOURNAL, PORT, Crash
from world.ending import assert_ended
from world.host import World

from .conftest import V1, V2, V3, V4


def killed_after(world: World, what: str, behaviour: Behaviour = GOOD, kind: str = JOURNAL) -> World:
    """Deploy v3, and kill the deployer right after that journal entry or act."""
    trial = world.fork()
    trial.cuts.arm(kind, 0)
    trial.deploy(V3, behaviour)
    world.cuts.arm(kind, trial.cuts.passed.index(what) + 1)
    with pytest.raises(Crash):
        world.deploy(V3, behaviour)
    return world


def test_deploy_of_another_tag_finds_an_interrupted_run_before_the_switch(two: World) -> None:
    """Users have not seen v3: it is taken back, and v4 goes live."""
    killed_after(two, "gate-opened GREEN-HEALTHY")
    run = two.deploy(V4)
    assert_ended(two, run, State.SUCCESS, live=V4, idle=(V2, "paused"))
    assert [r.outcome for r in two.ended[-2:]] == [State.REFUSED, State.SUCCESS]
    assert two.ended[-2].aborted is not None
    assert V3 not in two.machine.trees


def test_deploy_of_another_tag_finds_an_interrupted_run_after_the_switch(two: World) -> None:
    """Users have seen v3: it is watched to its end first, and v4 follows it."""
    killed_after(
        two, "after router.switch green", kind=PORT
    ) if two.machine.active == "blue" else killed_after(two, "after router.switch blue", kind=PORT)
    run = two.deploy(V4)
    assert_ended(two, run, State.SUCCESS, live=V4, idle=(V3, "paused"))
    assert [r.tag for r in two.ended[-2:]] == [V3, V4]


def test_same_deploy_again_takes_the_interrupted_run_up(two: World) -> None:
    killed_after(two, "gate-opened HEALTH")
    count = two.run_count
    run = two.deploy(V3)
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert two.run_count == count


def test_rollback_finds_an_interrupted_run_before_the_switch(two: World) -> None:
    killed_after(two, "gate-opened IMAGES-READY")
    run = two.rollback()
    assert_ended(two, run, State.SUCCESS, live=V1, idle=(V2, "paused"))


def test_killed_while_the_gates_before_the_host_are_written_down(two: World) -> None:
    """Nothing on the host can open them: the run ends, and does not stay interrupted for ever."""
    killed_after(two, "gate-opened TESTS-GREEN")
    run = two.recover(forward=True)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "paused"))
    assert_ended(two, two.deploy(V3), State.SUCCESS, live=V3, idle=(V2, "paused"))


def test_bad_release_is_rolled_back_though_nobody_watched_its_bake(two: World) -> None:
    """The bake's time went by while the deployer was dead: it is watched anew, and not waved through."""
    killed_after(two, "gate-opened PROOF", BREAKS_AFTER_SWITCH)
    two.wait(60)
    run = two.recover()
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.BAKE)


def test_good_release_is_not_rolled_back_because_the_proof_came_late(two: World) -> None:
    killed_after(two, "gate-entered PROOF")
    two.wait(60)
    assert_ended(two, two.recover(), State.SUCCESS, live=V3, idle=(V2, "paused"))


def test_way_back_is_not_given_up_because_its_proof_came_late(two: World) -> None:
    killed_after(two, "gate-entered ROLLBACK", BREAKS_AFTER_SWITCH)
    two.wait(60)
    run = two.recover()
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.BAKE)


def test_green_dies_while_nobody_watches_before_the_switch(two: World) -> None:
    """Its gates were open, but that was then: no user is sent to a dead slot."""
    killed_after(two, "gate-opened GREEN-HEALTHY")
    two.machine.kill(two.machine.active.other)
    run = two.recover()
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.ROUTE_TRAFFIC)
    assert two.monitor.failed_by_release == 0


def test_green_dies_while_nobody_watches_in_the_soak(two: World) -> None:
    """It was healthy in time once; the run must end all the same."""
    killed_after(two, "gate-opened DEADLINE")
    two.machine.kill(two.machine.active.other)
    began = two.clock.now()
    run = two.recover()
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "exited"), closed_by=State.HEALTH)
    assert two.clock.now() - began < 1


def test_green_is_sick_when_the_run_is_taken_up_in_the_soak(two: World) -> None:
    """No healthy answer ever comes to this deployer, though one came to the last."""
    killed_after(two, "gate-opened DEADLINE", Behaviour(unhealthy_after=0.25))
    two.wait(1)
    run = two.recover()
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "exited"), closed_by=State.HEALTH)


def test_soak_begins_anew_for_whoever_takes_the_run_up(two: World) -> None:
    """The release's health while nobody watched is not known."""
    killed_after(two, "gate-opened HEALTH")
    two.wait(60)
    taken_up = two.clock.now()
    run = two.recover()
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert run is not None
    assert run.opened_at[State.GREEN_HEALTHY] - taken_up > two.config.health.soak - 0.01


@pytest.mark.parametrize(
    ("moment", "behaviour", "outcome"),
    [
        ("gate-opened DEADLINE", GOOD, State.SUCCESS),
        ("gate-entered BAKE", GOOD, State.SUCCESS),
        ("gate-entered DRAIN", GOOD, State.SUCCESS),
        ("gate-entered ROLLBACK", BREAKS_AFTER_SWITCH, State.ROLLED_BACK),
    ],
)
def test_clock_is_set_back_while_a_run_is_interrupted(
    two: World, moment: str, behaviour: Behaviour, outcome: State
) -> None:
    """Nothing waits until the clock has caught up."""
    killed_after(two, moment, behaviour)
    two.clock.ahead = -3600.0
    two.wait(1)
    began = two.clock.now()
    run = two.resume()
    assert run is not None and run.finished is not None
    assert run.outcome is outcome
    assert two.clock.now() - began < 10
    assert run.finished.seconds >= 0


def test_host_reboots_in_the_middle_of_a_deploy(two: World) -> None:
    """Nothing runs any more: v2 is started again, and v3 is not live."""
    killed_after(two, "gate-entered HEALTH")
    two.machine.reboot()
    two.wait(5)
    run = two.recover()
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "exited"), closed_by=State.DEADLINE)


def test_host_reboots_in_the_middle_of_a_bake(two: World) -> None:
    killed_after(two, "gate-entered BAKE")
    two.machine.reboot()
    two.wait(5)
    run = two.recover()
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.BAKE)


def test_host_reboots_while_the_old_slot_is_put_on_standby(two: World) -> None:
    killed_after(two, "gate-opened DRAIN")
    two.machine.reboot()
    run = two.recover()
    assert run is not None
    assert run.finished is not None
    assert two.live is None or two.live in (V2, V3)
    assert two.monitor.violations == []


def test_timer_takes_an_interrupted_run_up(two: World) -> None:
    killed_after(two, "gate-opened BAKE")
    two.wait(60)
    run, stopped = two.tick()
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert stopped is None


def assert_every_intent_has_its_result(world: World) -> None:
    """Of the newest run, all that was noted after its end included."""
    entries = [e.body for e in world.journal.last_run()]
    intended = [e.step for e in entries if isinstance(e, ev.ActionIntended)]
    assert [e.step for e in entries if isinstance(e, ev.ActionDone | ev.ActionFailed)] == sorted(
        set(intended)
    )
    assert world.journal.verify() == len(list(world.journal.entries()))


TICK_DIES = [
    (JOURNAL, 1),
    (PORT, 1),
    (PORT, 2),
    (JOURNAL, 2),
]  # after the intent, around the stop, after its result


@pytest.mark.parametrize(("kind", "at"), TICK_DIES)
def test_tick_dies_while_it_stops_the_standby(two: World, kind: str, at: int) -> None:
    two.wait(601)
    two.cuts.arm(kind, at)
    with pytest.raises(Crash):
        two.tick()
    noted = (kind, at) == (JOURNAL, 2)
    assert two.tick() == (None, None if noted else V1)
    assert two.tick() == (None, None)
    assert two.idle == (V1, "exited")
    assert two.live == V2
    assert_every_intent_has_its_result(two)


@pytest.mark.parametrize(("kind", "at"), TICK_DIES)
def test_next_run_begins_after_a_tick_that_died_while_it_stopped_the_standby(
    two: World, kind: str, at: int
) -> None:
    """The stop is brought to its end first: no run leaves an intent without a result behind."""
    two.wait(601)
    two.cuts.arm(kind, at)
    with pytest.raises(Crash):
        two.tick()
    before = two.last()
    assert before is not None
    assert_ended(two, two.rollback(), State.SUCCESS, live=V1, idle=(V2, "paused"))
    ended = [e.body for e in two.journal.entries() if e.run == before.id]
    stops = [e for e in ended if isinstance(e, ev.ActionIntended) and isinstance(e.action, do.StopSlot)]
    assert len({e.step for e in stops}) == 1
    assert isinstance(ended[-1], ev.ActionDone)
    assert ended[-1].step == stops[-1].step


def test_deployer_is_killed_while_it_waits_for_the_requests_on_the_bad_release(two: World) -> None:
    """Nothing is journalled while it waits: whoever takes the run up waits once more, and no request is lost."""
    two.machine.slow = 0.3

    switch = two.machine.route

    def killed() -> None:
        raise Crash("while it waited")

    def route(to: Slot) -> None:
        if two.machine.release(to) == V2:
            two.machine.route = switch  # type: ignore[method-assign]
            two.clock.after(0.1, killed)
        switch(to)

    two.machine.route = route  # type: ignore[method-assign]
    with pytest.raises(Crash, match="while it waited"):
        two.deploy(V3, BREAKS_AFTER_SWITCH)
    run = two.recover()
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.BAKE)
    assert_every_intent_has_its_result(two)


def test_hook_of_the_journal_gets_every_entry_and_its_failure_stops_no_run(two: World) -> None:
    heard: list[ev.Entry] = []

    def fails(entry: ev.Entry) -> None:
        heard.append(entry)
        raise OSError("no route to the alert")

    before = len(list(two.journal.entries()))
    two.after_entry = fails
    assert_ended(two, two.deploy(V3), State.SUCCESS, live=V3, idle=(V2, "paused"))
    two.deploy(V4, BREAKS_AFTER_SWITCH)
    assert heard == list(two.journal.entries())[before:]


def test_finished_run_is_not_taken_up_again(two: World) -> None:
    assert two.recover() is None
    assert two.tick() == (None, None)


def test_who_took_it_up_and_why_is_on_record(two: World) -> None:
    killed_after(two, "gate-opened HEALTH")
    two.recover(forward=False)
    kinds = [type(e.body) for e in two.journal.last_run()]
    assert kinds.index(ev.RunResumed) + 1 == kinds.index(ev.RunAborted)
