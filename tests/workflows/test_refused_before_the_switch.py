"""Users never see a release that is refused here: exit 3, and all as it was."""

from __future__ import annotations

import pytest

from l9.core.states import State
from world.acts import always
from world.behaviour import (
    ANSWERS_503_IN_BODY,
    DOES_NOT_BUILD,
    EXITS_AT_START,
    FLAPS,
    HEALTHY_ONLY_ALONE,
    LOGS_A_TRACEBACK,
    LOGS_A_TRACEBACK_LATE,
    NEVER_HEALTHY,
    OUT_OF_MEMORY,
    RESTARTS_IN_SOAK,
    SMOKE_FAILS,
    TRACEBACK,
    Behaviour,
    logged,
)
from world.ending import assert_ended, evidence, why
from world.host import World

from .conftest import V1, V2, V3, V4

STANDS_STOPPED = (V1, "exited")


def refused(world: World, behaviour: Behaviour, gate: State) -> str:
    """Deploy v3 on a host with v2 live and v1 on standby; it is refused, and all is as it was."""
    run = world.deploy(V3, behaviour)
    assert_ended(world, run, State.REFUSED, live=V2, idle=STANDS_STOPPED, closed_by=gate)
    assert world.monitor.failed_by_release == 0
    assert world.machine.deployed_tag == V2
    assert V3 not in world.machine.trees
    return why(run)


def test_green_never_becomes_healthy(two: World) -> None:
    said = refused(two, NEVER_HEALTHY, State.DEADLINE)
    assert "not healthy in 2 s" in said
    assert "status 503" in said


def test_green_exits_at_start(two: World) -> None:
    assert "exit code 3" in refused(two, EXITS_AT_START, State.DEADLINE)
    run = two.ended[-1]
    assert run.closed is not None
    assert "no such module: packet" in run.closed.findings[0].log, "the last words are the reason"


def test_green_is_killed_for_want_of_memory(two: World) -> None:
    assert "memory" in refused(two, OUT_OF_MEMORY, State.DEADLINE)


def test_green_is_healthy_only_while_blue_is_down(two: World) -> None:
    refused(two, HEALTHY_ONLY_ALONE, State.DEADLINE)


def test_green_answers_200_with_503_in_the_body(two: World) -> None:
    assert "503" in refused(two, ANSWERS_503_IN_BODY, State.DEADLINE)


def test_green_is_unhealthy_again_during_the_soak(two: World) -> None:
    refused(two, FLAPS, State.HEALTH)


def test_green_dies_during_the_soak(two: World) -> None:
    """It is dead: nothing is won by waiting for the deadline."""
    began = two.clock.now()
    assert "exit code 1" in refused(two, Behaviour(dies_after=0.4), State.HEALTH)
    assert two.clock.now() - began < 1


def test_green_restarts_during_the_soak(two: World) -> None:
    assert "1 restarts" in refused(two, RESTARTS_IN_SOAK, State.GREEN_HEALTHY)


def test_traceback_in_the_log_closes_the_gate(two: World) -> None:
    assert "ValueError" in refused(two, LOGS_A_TRACEBACK, State.LOGS)


def test_traceback_during_the_soak_closes_the_gate(two: World) -> None:
    """One that comes after the first healthy answer counts too, and before users meet it."""
    assert "ValueError" in refused(two, LOGS_A_TRACEBACK_LATE, State.GREEN_HEALTHY)


def test_green_is_healthy_but_its_smoke_test_fails(two: World) -> None:
    said = refused(two, SMOKE_FAILS, State.GREEN_HEALTHY)
    assert "status 500" in said
    assert "looks broken" not in said


def test_smoke_gate_that_fails_both_slots_says_it_is_broken(two: World) -> None:
    two.machine.slots[two.machine.active].behaviour = SMOKE_FAILS
    two.monitor.expects_service = False
    run = two.deploy(V3, SMOKE_FAILS)
    assert run.closed is not None
    assert run.closed.gate is State.GREEN_HEALTHY
    assert "this check looks broken" in why(run)


def test_traceback_is_seen_behind_thousands_of_lines(two: World) -> None:
    """A start that logs much after its first traceback."""
    noise = tuple((0.2 + n / 3000, f"INFO warming up {n}") for n in range(3000))
    noisy = Behaviour(starts_in=1.5, logs=(*logged(0.1, *TRACEBACK), *noise))
    assert "ValueError: a packet without a body" in refused(two, noisy, State.LOGS)


def test_log_that_lost_lines_closes_the_gate(two: World) -> None:
    assert "its log was cut short" in refused(two, Behaviour(loses_log=0.1), State.LOGS)


def test_live_slot_logs_the_same_error_so_it_is_known(one: World) -> None:
    noise = Behaviour(log_every=(0.3, "ERROR cannot reach the metrics server"))
    assert_ended(one, one.deploy(V2, noise), State.REFUSED, live=V1, closed_by=State.LOGS)
    one.machine.slots[one.machine.active].behaviour = noise
    one.wait(5)
    run = one.deploy(V3, noise)
    assert_ended(one, run, State.SUCCESS, live=V3, idle=(V1, "paused"))
    assert "no error of its own" in evidence(run, State.LOGS)


def test_error_that_the_live_slot_logged_before_the_switch_is_known_in_the_bake(one: World) -> None:
    """The old slot gets no traffic any more, and so logs no more errors; what it logged before still counts."""
    one.machine.slots[one.machine.active].behaviour = Behaviour(logs=logged(15.0, *TRACEBACK))
    one.wait(20)
    run = one.deploy(V2, LOGS_A_TRACEBACK)
    assert_ended(one, run, State.SUCCESS, live=V2, idle=(V1, "paused"))


def test_build_fails(two: World) -> None:
    run = two.deploy(V3, DOES_NOT_BUILD)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "paused"), closed_by=State.IMAGES_READY)
    assert V3 not in two.machine.trees


def test_tag_moved_on_origin(two: World) -> None:
    two.tag(V3)
    two.source.move(V3)
    run = two.deploy(V3)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "paused"), closed_by=State.VPS_TAG_VERIFIED)
    assert "moved" in why(run)


def test_tag_moved_everywhere_is_known_from_the_record(two: World) -> None:
    """Origin, the operator and a host that was cloned anew agree on the other object."""
    two.deploy(V3, NEVER_HEALTHY)
    two.source.move(V3)
    two.source.clone.clear()
    idle = two.idle
    run = two.deploy(V3, tag_object="f" * 40)
    assert_ended(two, run, State.REFUSED, live=V2, idle=idle, closed_by=State.VPS_TAG_VERIFIED)
    assert "in earlier runs (moved!)" in why(run)


def test_older_release_is_no_deploy(two: World) -> None:
    run = two.deploy(V1)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "paused"), closed_by=State.HOST_READY)
    assert run.closed is not None
    assert [finding.remedy for finding in run.closed.findings] == [f"l9 rollback {V1}"]


def test_refused_release_comes_again_beside_a_newer_one_that_was_never_live(two: World) -> None:
    two.deploy(V3, NEVER_HEALTHY)
    two.deploy(V4, NEVER_HEALTHY)
    two.machine.releases[V3] = Behaviour()
    assert_ended(two, two.deploy(V3), State.SUCCESS, live=V3, idle=(V2, "paused"))


@pytest.mark.parametrize(
    ("what", "value", "said"),
    [
        ("disk_free", 1_000, "MB of disk free"),
        ("memory_available", 1_000, "MB of memory"),
        ("ports_taken", {8000: "nginx"}, "held by nginx"),
    ],
)
def test_host_cannot_take_two_slots(two: World, what: str, value: object, said: str) -> None:
    setattr(two.runtime, what, value)
    run = two.deploy(V3)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "paused"), closed_by=State.HOST_READY)
    assert said in why(run)


def test_env_file_lacks_a_key(two: World) -> None:
    two.env.values = {}
    run = two.deploy(V3)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "paused"), closed_by=State.VPS_TAG_VERIFIED)
    assert "L9_EXECUTOR_API_KEY" in why(run)


def test_way_back_is_not_there(two: World) -> None:
    del two.machine.built[V2]
    run = two.deploy(V3)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "paused"), closed_by=State.HOST_READY)
    assert "missing: image" in why(run)


def test_proxy_is_down_so_nothing_is_touched(two: World) -> None:
    """Nothing was changed: exit 3, and no attempt to put back what never moved."""
    two.machine.front = "nothing"
    done = len(two.acts.done)
    run = two.deploy(V3)
    assert run.outcome is State.REFUSED
    assert two.acts.done[done:] == []


@pytest.mark.parametrize("number", range(2, 6))
@pytest.mark.parametrize(
    "look", ["runtime.host", "runtime.slots", "runtime.logs", "router.active", "source.tag"]
)
def test_what_cannot_be_looked_at_once_closes_the_gate(two: World, look: str, number: int) -> None:
    """Unknown is not fine; whatever was done by then is taken back."""
    looks = iter([False] * (number - 1) + [True])
    two.acts.failing[look] = lambda: next(looks, False)
    run = two.deploy(V3)
    seen = next(looks, None) is not None or run.closed is None
    kept_on = run.outcome is State.FAIL_STATE and State.BAKE in run.opened
    assert kept_on or run.outcome in ((State.SUCCESS,) if seen else (State.REFUSED, State.ROLLED_BACK))
    assert two.live == (V3 if kept_on or seen else V2)
    assert two.monitor.violations == []


def test_look_that_never_works_again_refuses(two: World) -> None:
    two.acts.failing["runtime.logs"] = always
    run = two.deploy(V3)
    assert_ended(two, run, State.REFUSED, live=V2, idle=STANDS_STOPPED, closed_by=State.DEADLINE)


def test_evicted_standby_is_restored_when_the_deploy_is_refused(two: World) -> None:
    run = two.deploy(V3, NEVER_HEALTHY)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "exited"), closed_by=State.DEADLINE)
    assert two.machine.kept == {}
    back = two.rollback()
    assert_ended(two, back, State.SUCCESS, live=V1, idle=(V2, "paused"))


def test_refused_release_comes_again_and_is_good_now(two: World) -> None:
    two.deploy(V3, NEVER_HEALTHY)
    two.machine.releases[V3] = Behaviour()
    assert_ended(two, two.deploy(V3), State.SUCCESS, live=V3, idle=(V2, "paused"))


def test_live_release_deployed_again_and_refused_stays_live(one: World) -> None:
    one.machine.releases[V1] = NEVER_HEALTHY
    run = one.deploy(V1)
    assert_ended(one, run, State.REFUSED, live=V1, closed_by=State.DEADLINE)
    assert V1 in one.machine.trees


def test_journal_is_lost_and_the_live_release_is_deployed_again_and_refused(one: World) -> None:
    """The tree that the live slot runs from must not be taken away with the refused one."""
    one.journal.forget()
    one.machine.releases[V1] = NEVER_HEALTHY
    run = one.deploy(V1)
    assert_ended(one, run, State.REFUSED, live=V1, closed_by=State.DEADLINE)
    assert V1 in one.machine.trees
    assert V1 in one.machine.built
    assert run.finished is not None
    assert run.finished.retained == (V1,)


def test_journal_is_lost_and_the_live_release_can_still_be_gone_back_to(one: World) -> None:
    one.journal.forget()
    assert one.deploy(V2).outcome is State.SUCCESS
    assert_ended(one, one.rollback(V1), State.SUCCESS, live=V1, idle=(V2, "paused"))
