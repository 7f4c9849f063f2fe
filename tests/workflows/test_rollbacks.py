"""`l9 rollback`, warm and cold, to what is there and to what is not."""

from __future__ import annotations

import pytest

from l9.checks.host.wake import QUIET
from l9.core.states import State
from l9.errors import UsageError
from world.behaviour import BREAKS_AFTER_SWITCH, NEVER_HEALTHY, TRACEBACK, Behaviour, logged
from world.ending import assert_ended, evidence
from world.host import World

from .conftest import V1, V2, V3, V4, at, entered


def test_rollback_warm(two: World) -> None:
    began = two.clock.now()
    run = two.rollback()
    assert_ended(two, run, State.SUCCESS, live=V1, idle=(V2, "paused"))
    assert run.finished is not None and run.finished.good == (V1,)
    assert two.machine.deployed_tag == V1
    assert two.machine.metadata is not None and two.machine.metadata["status"] == "ROLLED_BACK"
    assert run.opened_at[State.ROUTE_TRAFFIC] - began < 0.1


def test_rollback_cold(two: World) -> None:
    two.wait(601)
    assert two.tick() == (None, V1)
    run = two.rollback()
    assert_ended(two, run, State.SUCCESS, live=V1, idle=(V2, "paused"))


def test_rollback_to_a_release_whose_slot_is_taken(three: World) -> None:
    run = three.rollback(V1)
    assert_ended(three, run, State.SUCCESS, live=V1, idle=(V3, "paused"))
    assert V2 in three.machine.kept
    assert run.finished is not None and set(run.finished.retained) == {V1, V2, V3}


def test_rollback_twice_goes_back_twice(three: World) -> None:
    assert_ended(three, three.rollback(), State.SUCCESS, live=V2, idle=(V3, "paused"))
    assert_ended(three, three.rollback(), State.SUCCESS, live=V1, idle=(V2, "paused"))


def test_rollback_and_forward_again(two: World) -> None:
    two.rollback()
    assert_ended(two, two.rollback(V2), State.SUCCESS, live=V2, idle=(V1, "paused"))


def test_target_was_pruned(three: World) -> None:
    """Three releases are kept."""
    assert three.deploy(V4).outcome is State.SUCCESS
    assert V1 not in three.machine.built
    with pytest.raises(UsageError) as error:
        three.rollback(V1)
    assert V3 in error.value.expected
    assert V2 in error.value.expected
    assert error.value.exit_code == 2


def test_nothing_that_is_offered_was_pruned(three: World) -> None:
    """The host still has every release that the journal offers after a refused deploy."""
    three.deploy(V4)
    three.deploy("v1.0.5-l9", NEVER_HEALTHY)
    with pytest.raises(UsageError) as error:
        three.rollback("v9.9.9-l9")
    offered = error.value.expected.removeprefix("one of: ").split(", ")
    assert offered == [V3, V2]
    for tag in offered:
        assert three.fork().rollback(tag).outcome is State.SUCCESS


def test_image_of_the_target_was_deleted_by_somebody(two: World) -> None:
    two.wait(601)
    two.tick()
    del two.machine.built[V1]
    run = two.rollback()
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "exited"), closed_by=State.RELEASE_RETAINED)


def builds(world: World) -> list[str]:
    return [act for act in world.acts.done if act.startswith("runtime.build")]


@pytest.mark.parametrize("waited", [0, 601])
def test_nothing_is_rebuilt_unless_it_is_asked_for(two: World, waited: int) -> None:
    two.wait(waited)
    two.tick()
    before = builds(two)
    two.rollback()
    assert builds(two) == before


@pytest.mark.parametrize("waited", [0, 601])
def test_rebuilt_when_asked(two: World, waited: int) -> None:
    """The standby process does not go live: the release is started from the new image."""
    two.wait(waited)
    two.tick()
    began = two.clock.now()
    run = two.rollback(rebuild=True)
    assert_ended(two, run, State.SUCCESS, live=V1, idle=(V2, "paused"))
    assert builds(two)[-1] == f"runtime.build {V1} no_cache"
    assert two.machine.slots[two.machine.active].started_at > began


def test_image_that_somebody_deleted_is_built_again_when_asked(two: World) -> None:
    two.wait(601)
    two.tick()
    del two.machine.built[V1]
    refused = two.rollback()
    assert refused.closed is not None
    assert refused.closed.findings[0].remedy == f"l9 rollback {V1} --rebuild"
    assert_ended(two, two.rollback(rebuild=True), State.SUCCESS, live=V1, idle=(V2, "paused"))


def test_pruned_target_is_built_again_when_asked(three: World) -> None:
    assert three.deploy(V4).outcome is State.SUCCESS
    with pytest.raises(UsageError) as error:
        three.rollback(V1)
    assert error.value.remedy == f"l9 rollback {V1} --rebuild"
    run = three.rollback(V1, rebuild=True)
    assert_ended(three, run, State.SUCCESS, live=V1, idle=(V4, "paused"))
    assert run.finished is not None and run.finished.retained == (V1, V4, V3)


def test_rebuild_that_fails_changes_nothing(two: World) -> None:
    two.machine.releases[V1] = Behaviour(builds=False)
    run = two.rollback(rebuild=True)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "paused"), closed_by=State.RELEASE_RETAINED)


def test_what_was_never_live_is_no_target_even_built_anew(three: World) -> None:
    """A rollback goes through fewer gates than a deploy."""
    three.deploy(V4, BREAKS_AFTER_SWITCH)
    for tag in (V4, "v9.9.9-l9"):
        with pytest.raises(UsageError) as error:
            three.rollback(tag, rebuild=True)
        assert error.value.remedy == f"l9 deploy {tag}"


def test_no_previous_release(one: World) -> None:
    with pytest.raises(UsageError, match="no previous good release"):
        one.rollback()


def test_live_release_is_no_target(two: World) -> None:
    with pytest.raises(UsageError, match="already live"):
        two.rollback(V2)


def test_refused_release_is_no_target(two: World) -> None:
    two.deploy(V3, BREAKS_AFTER_SWITCH)
    with pytest.raises(UsageError, match="not retained"):
        two.rollback(V3)
    assert_ended(two, two.rollback(), State.SUCCESS, live=V1, idle=(V2, "paused"))


def test_release_that_was_rolled_back_from_stays_retained_after_a_refused_deploy(two: World) -> None:
    """It was good once, and may be wanted again; a deploy that was refused changes nothing of that."""
    two.rollback()
    two.deploy(V3, NEVER_HEALTHY)
    assert_ended(two, two.rollback(V2), State.SUCCESS, live=V2, idle=(V1, "paused"))


def test_error_that_the_target_logged_when_it_was_live_does_not_hold_it_back(one: World) -> None:
    """It was good enough then; what counts is what it logs since it was woken."""
    one.machine.slots[one.machine.active].behaviour = Behaviour(logs=logged(2.2, *TRACEBACK))
    one.wait(90)
    one.deploy(V2)
    one.wait(90)
    assert_ended(one, one.rollback(), State.SUCCESS, live=V1, idle=(V2, "paused"))


def test_target_does_not_come_up(two: World) -> None:
    two.wait(601)
    two.tick()
    two.machine.releases[V1] = NEVER_HEALTHY
    run = two.rollback()
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "exited"), closed_by=State.DEADLINE)


def test_woken_target_is_sick(two: World) -> None:
    idle = two.machine.slots[two.machine.active.other]
    assert idle is not None
    idle.behaviour = NEVER_HEALTHY
    run = two.rollback()
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "paused"), closed_by=State.DEADLINE)


def wakes_with(world: World, *, every: float | None = None) -> None:
    """What stands by logs an error as soon as it wakes; once, or again and again."""
    line = "[CRITICAL] WORKER TIMEOUT (pid:7)"

    def wakes() -> None:
        idle = world.machine.slots[world.machine.active.other]
        assert idle is not None
        moment = logged(world.clock.now() - idle.started_at, line)
        idle.behaviour = Behaviour(logs=moment, log_every=(every, line) if every else None)

    at(world, entered(State.BLUE_GREEN_LAUNCH), wakes)


def test_woken_target_makes_noise_that_ends(two: World) -> None:
    """A server that watches its workers by the clock replaces them when it wakes."""
    wakes_with(two)
    run = two.rollback()
    assert_ended(two, run, State.SUCCESS, live=V1, idle=(V2, "paused"))
    assert "after the wake [CRITICAL] WORKER TIMEOUT (pid:7), which ended" in evidence(run, State.LOGS)
    assert run.opened_at[State.LOGS] - run.entered[State.LOGS] >= QUIET


def test_woken_target_makes_noise_that_does_not_end(two: World) -> None:
    wakes_with(two, every=0.5)
    run = two.rollback()
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "paused"), closed_by=State.LOGS)


def test_cold_target_that_logs_an_error_is_no_noise_of_a_wake(two: World) -> None:
    two.wait(601)
    two.tick()
    two.machine.releases[V1] = Behaviour(logs=logged(0.1, "[CRITICAL] WORKER TIMEOUT (pid:7)"))
    run = two.rollback()
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "exited"), closed_by=State.LOGS)


def test_production_is_dead_and_rollback_mends_it(two: World) -> None:
    two.machine.kill(two.machine.active)
    assert_ended(two, two.rollback(), State.SUCCESS, live=V1, idle=(V2, "exited"))


def test_dead_live_release_can_be_rolled_back_to_itself(two: World) -> None:
    """It is not live any more, whatever the journal says of it. It starts where it was, and the standby stays."""
    two.machine.kill(two.machine.active)
    assert_ended(two, two.rollback(V2), State.SUCCESS, live=V2, idle=(V1, "paused"))
