"""The undo itself fails: exit 5, a person is needed, and nothing is made worse."""

from __future__ import annotations

import pytest

from l9.core import actions as do
from l9.core.states import State
from world.acts import always, times
from world.behaviour import BREAKS_AFTER_SWITCH, GOOD, NEVER_HEALTHY, Behaviour
from world.ending import assert_ended, assert_on_record
from world.host import World

from .conftest import V1, V2, V3, at, entered, opened


def test_undo_of_switch_fails_needs_a_person(two: World) -> None:
    two.acts.failing["router.switch"] = times(99, after=1)
    run = two.deploy(V3, BREAKS_AFTER_SWITCH)
    assert run.outcome is State.FAIL_STATE
    assert run.finished is not None and run.finished.exit_code == 5
    assert_on_record(two, run)
    assert two.machine.release(two.machine.active) == V3  # bad, but taking it away would be worse
    assert two.machine.runs(two.machine.active)
    assert two.monitor.violations == []
    assert two.monitor.failed == 0


def test_what_users_are_still_on_is_not_removed_and_the_record_says_why(two: World) -> None:
    two.acts.failing["router.switch"] = times(99, after=1)
    run = two.deploy(V3, BREAKS_AFTER_SWITCH)
    live = two.machine.active
    step = next(s for s in run.steps if isinstance(s.action, do.RemoveSlot))
    assert step.failure is not None
    assert (step.failure.expected, step.failure.found) == (
        f"no public traffic to {live}", f"public traffic goes to {live}",
    )  # fmt: skip
    assert not any(act.startswith("runtime.remove") for act in two.acts.done)


def test_person_rolls_back_after_a_fail_state(two: World) -> None:
    """The journal says that v2 should be live; what counts for a rollback is what is."""
    two.acts.failing["router.switch"] = times(99, after=1)
    assert two.deploy(V3, BREAKS_AFTER_SWITCH).outcome is State.FAIL_STATE
    two.acts.failing.clear()
    run = two.rollback(V2)
    assert run.outcome is State.SUCCESS
    assert two.live == V2


def test_rollback_without_a_name_after_a_fail_state_goes_to_the_last_good_one(two: World) -> None:
    two.acts.failing["router.switch"] = times(99, after=1)
    assert two.deploy(V3, BREAKS_AFTER_SWITCH).outcome is State.FAIL_STATE
    two.acts.failing.clear()
    assert two.rollback().tag == V2
    assert two.live == V2


def test_next_deploy_after_a_fail_state_mends_it(two: World) -> None:
    two.acts.failing["router.switch"] = times(99, after=1)
    assert two.deploy(V3, BREAKS_AFTER_SWITCH).outcome is State.FAIL_STATE
    two.acts.failing.clear()
    run = two.deploy("v1.0.4-l9")
    assert run.outcome is State.SUCCESS
    assert run.finished is not None and V3 not in run.finished.good
    assert two.live == "v1.0.4-l9"


@pytest.mark.parametrize(
    "act", ["router.switch", "runtime.remove", "runtime.stop", "runtime.wake", "runtime.restore"]
)
@pytest.mark.parametrize("seconds", [1.0, 20.0, 90.0])
def test_what_comes_back_does_not_end_the_way_back(two: World, act: str, seconds: float) -> None:
    """An engine that restarts, a router that is away: the rollback is tried again until it gets through."""

    def fails() -> None:
        two.acts.failing[act] = always
        two.clock.after(seconds, two.acts.failing.clear)

    at(two, opened(State.PROOF), fails)
    run = two.deploy(V3, BREAKS_AFTER_SWITCH)
    assert_ended(two, run, State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.BAKE)


def test_engine_that_is_away_in_mid_deploy_ends_as_refused(two: World) -> None:
    looks = ("runtime.slots", "runtime.remove", "runtime.stop", "runtime.restore", "runtime.wake")

    def away() -> None:
        two.acts.failing.update(dict.fromkeys(looks, always))
        two.clock.after(30, two.acts.failing.clear)

    at(two, entered(State.HEALTH), away)
    run = two.deploy(V3)
    assert_ended(
        two, run, State.REFUSED, live=V2, idle=(V1, "exited"), closed_by=run.closed and run.closed.gate
    )
    assert run.closed is not None and run.closed.gate in (State.HEALTH, State.LOGS, State.DEADLINE)


def test_resume_after_a_fail_state_tries_the_way_back_again(two: World) -> None:
    two.acts.failing["router.switch"] = times(99, after=1)
    assert two.deploy(V3, BREAKS_AFTER_SWITCH).outcome is State.FAIL_STATE
    assert two.resume().outcome is State.FAIL_STATE  # still broken: the same answer
    two.acts.failing.clear()
    assert_ended(two, two.resume(), State.ROLLED_BACK, live=V2, idle=(V1, "exited"), closed_by=State.BAKE)
    assert two.resume() is None


def test_resume_after_the_bake_finishes_what_was_left(two: World) -> None:
    two.acts.failing["runtime.pause"] = always
    run = two.deploy(V3)
    assert (run.outcome, two.live) == (State.FAIL_STATE, V3)
    two.acts.failing.clear()
    assert_ended(two, two.resume(), State.SUCCESS, live=V3, idle=(V2, "paused"))


def test_bad_release_cannot_be_removed(two: World) -> None:
    two.acts.failing["runtime.remove"] = always
    run = two.deploy(V3, BREAKS_AFTER_SWITCH)
    assert run.outcome is State.FAIL_STATE
    assert two.live == V2
    assert two.monitor.violations == []


def test_old_release_does_not_come_up_again_so_users_stay_where_they_are(two: World) -> None:
    """v2 was stopped and cannot start: v3, which only could not be recorded, stays live."""
    two.machine.streams[two.machine.active] = 2
    two.machine.releases[V2] = NEVER_HEALTHY
    two.acts.failing["record.write"] = always
    run = two.deploy(V3)
    assert run.outcome is State.FAIL_STATE
    assert two.live == V3
    assert two.monitor.violations == []
    assert two.monitor.failed == 0


def test_both_releases_are_sick_so_the_known_one_is_taken(two: World) -> None:
    """A database that is away makes both unhealthy; when it comes back, the known release is live."""
    old = two.machine.slots[two.machine.active]
    assert old is not None
    run_sick_from = two.clock.now() - old.started_at + 1.2
    old.behaviour = Behaviour(unhealthy_after=run_sick_from)
    run = two.deploy(V3, Behaviour(unhealthy_after=1.1))
    assert run.outcome is State.FAIL_STATE  # what users went back to does not answer well
    assert two.machine.release(two.machine.active) == V2
    assert two.monitor.violations == []
    old.behaviour = GOOD
    two.wait(1)
    assert two.live == V2
    well = two.resume()
    assert well is not None
    assert well.outcome is State.ROLLED_BACK


def test_look_at_the_end_of_the_way_back_fails(two: World) -> None:
    """An outcome that cannot be proved is not claimed."""
    two.clock.after(0.3, lambda: two.acts.failing.update({"runtime.slots": always}))
    run = two.deploy(V3, NEVER_HEALTHY)
    assert run.outcome is State.FAIL_STATE
    assert two.live == V2


def test_live_slot_dies_during_a_refused_deploy_and_is_started_again(two: World) -> None:
    active = two.machine.active
    two.clock.after(0.5, lambda: two.machine.kill(active))
    run = two.deploy(V3, NEVER_HEALTHY)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "exited"), closed_by=State.DEADLINE)


def test_live_slot_dies_during_a_refused_deploy_and_starts_slowly(two: World) -> None:
    active = two.machine.active
    two.machine.releases[V2] = Behaviour(starts_in=1.5)
    two.clock.after(0.5, lambda: two.machine.kill(active))
    run = two.deploy(V3, NEVER_HEALTHY)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "exited"), closed_by=State.DEADLINE)
