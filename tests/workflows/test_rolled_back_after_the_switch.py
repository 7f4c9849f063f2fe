"""Users meet a bad release for a moment: exit 4, and what was live before is live again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l9.core.states import State
from world.acts import times
from world.behaviour import BREAKS_AFTER_SWITCH, DIES_AFTER_SWITCH, GOOD, REFUSED_AFTER_THE_SWITCH, Behaviour
from world.ending import assert_ended, evidence, why
from world.host import World

from .conftest import V1, V2, V3

STANDS_STOPPED = (V1, "exited")


@pytest.mark.parametrize("behaviour", REFUSED_AFTER_THE_SWITCH.values(), ids=list(REFUSED_AFTER_THE_SWITCH))
def test_bad_release_that_is_live_for_a_moment(two: World, behaviour: Behaviour) -> None:
    run = two.deploy(V3, behaviour)
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=STANDS_STOPPED, closed_by=State.BAKE)
    assert two.machine.deployed_tag == V2
    assert run.finished is not None and V3 not in run.finished.good


def test_green_dies_after_the_switch(two: World) -> None:
    run = two.deploy(V3, DIES_AFTER_SWITCH)
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=STANDS_STOPPED, closed_by=State.BAKE)
    assert "exited" in why(run)
    assert two.monitor.failed_by_release <= 3  # of 20 a second


def test_release_breaks_one_second_after_the_switch(two: World) -> None:
    """`/health` is 200 all the time; the smoke requests through the public route notice."""
    run = two.deploy(V3, BREAKS_AFTER_SWITCH)
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=STANDS_STOPPED, closed_by=State.BAKE)
    assert "status 500" in why(run)
    assert 0 < two.monitor.failed_by_release <= 20


def test_release_breaks_for_users_and_not_for_probes(two: World) -> None:
    """The access log of real traffic shows failures that probes do not find."""
    two.router.reports_traffic = True
    run = two.deploy(V3, replace(BREAKS_AFTER_SWITCH, breaks_for_users_only=True))
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=STANDS_STOPPED, closed_by=State.BAKE)
    assert "of real answers 5xx" in why(run)


def test_little_traffic_in_the_bake_is_no_failure(two: World) -> None:
    run = two.deploy(V3, GOOD)
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert any("inconclusive" in e.found for e in run.opened[State.BAKE].evidence)


def test_lost_lines_of_the_log_in_the_bake_are_no_failure(two: World) -> None:
    """Many visitors make a log rotate: that is no reason to go back."""
    run = two.deploy(V3, Behaviour(loses_log=1.2))
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert "inconclusive: its log was cut short" in evidence(run, State.BAKE)


def test_very_many_lines_in_the_bake_are_no_failure(two: World) -> None:
    """More than one look reads: the rest is read by the next ones."""
    lines = tuple((1.1 + n / 50_000, f"INFO visitor {n}") for n in range(25_000))
    run = two.deploy(V3, Behaviour(logs=lines))
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert "25000 records, no error of its own" in evidence(run, State.BAKE)


def test_old_slot_dies_while_its_successor_bakes_badly(two: World) -> None:
    """Both are bad: the old one is started again, and users go back to it only when it is healthy."""
    old = two.machine.active
    two.clock.after(1.2, lambda: two.machine.kill(old))
    run = two.deploy(V3, BREAKS_AFTER_SWITCH)
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=STANDS_STOPPED, closed_by=State.BAKE)


def test_old_slot_dies_while_its_successor_bakes_well(two: World) -> None:
    old = two.machine.active
    two.clock.after(1.2, lambda: two.machine.kill(old))
    assert_ended(two, two.deploy(V3), State.SUCCESS, live=V3, idle=(V2, "exited"))


def test_old_slot_was_dead_before_the_deploy(two: World) -> None:
    """Production is down, and the deploy is what mends it."""
    two.machine.kill(two.machine.active)
    two.wait(1)
    run = two.deploy(V3)
    assert run.old is None
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "exited"))


def test_old_slot_was_dead_and_the_new_one_is_bad_too(two: World) -> None:
    two.machine.kill(two.machine.active)
    run = two.deploy(V3, NEVER_GOOD)
    assert run.outcome is State.REFUSED
    assert run.finished is not None and V3 not in run.finished.good
    assert_ended(two, two.deploy("v1.0.9-l9"), State.SUCCESS, live="v1.0.9-l9", idle=two.idle)


def test_switch_fails_on_a_host_whose_live_release_was_dead(two: World) -> None:
    dead = two.machine.active
    two.machine.kill(dead)
    two.acts.failing["router.switch"] = times(1)
    run = two.deploy(V3)
    assert run.outcome is State.ROLLED_BACK
    assert two.machine.active is dead
    assert two.machine.slots[dead.other] is None or two.machine.release(dead.other) == V1


NEVER_GOOD = Behaviour(never_healthy=True)


def test_bug_in_an_action_closes_the_gate(two: World) -> None:
    def bug() -> bool:
        raise RuntimeError("a bug")

    two.acts.failing["runtime.start"] = bug
    run = two.deploy(V3)
    assert run.closed is not None
    assert "a bug in l9" in why(run)
    assert two.live == V2
    assert two.monitor.violations == []


def test_bug_in_a_look_closes_the_gate(two: World) -> None:
    """Nobody may be left on a release that nobody watches."""

    def bug() -> bool:
        two.acts.failing.pop("router.traffic")
        raise RuntimeError("a bug")

    two.acts.failing["router.traffic"] = bug
    run = two.deploy(V3)
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=STANDS_STOPPED, closed_by=State.BAKE)
    assert "a bug in l9" in why(run)
