"""The site is down by somebody else's doing, and the good release is still there: each command brings it back."""

from __future__ import annotations

import pytest

from l9.core.states import State
from l9.host import queries
from world.behaviour import BREAKS_AFTER_SWITCH, NEVER_HEALTHY
from world.ending import assert_ended
from world.host import World

from .conftest import V1, V2, V3


def unset_flag(world: World) -> None:
    """Somebody removes the flag while the standby is paused: the good release runs, and users get nothing."""
    to = world.machine.flag.other
    standby = world.machine.slots[to]
    assert standby is not None
    standby.fault = "the flag was removed"
    world.machine.flip(to)


def test_resume_brings_back_what_the_flag_no_longer_names(two: World) -> None:
    unset_flag(two)
    assert two.live is None
    assert_ended(two, two.resume(), State.SUCCESS, live=V2, idle=(V1, "paused"))
    assert two.resume() is None


def test_rollback_brings_back_what_the_flag_no_longer_names(two: World) -> None:
    unset_flag(two)
    assert_ended(two, two.rollback(), State.SUCCESS, live=V2, idle=(V1, "paused"))


def test_deploy_does_not_take_the_good_releases_slot(two: World) -> None:
    unset_flag(two)
    run = two.deploy(V3, NEVER_HEALTHY)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "exited"), closed_by=State.DEADLINE)


def test_deploy_goes_live_beside_the_good_release(two: World) -> None:
    unset_flag(two)
    assert_ended(two, two.deploy(V3), State.SUCCESS, live=V3, idle=(V2, "paused"))


def test_sick_release_that_the_flag_lost_holds_up_no_deploy(two: World) -> None:
    """It runs, but answers 503: nothing is lost if the next release takes its slot."""
    live = two.machine.slots[two.machine.active]
    assert live is not None
    live.behaviour = NEVER_HEALTHY
    unset_flag(two)
    began = two.clock.now()
    run = two.deploy(V3)
    assert (run.outcome, two.live) == (State.SUCCESS, V3)
    assert two.clock.now() - began < 30


@pytest.mark.parametrize("how", ["paused", "exited"])
def test_resume_starts_the_live_release_where_it_is(two: World, how: str) -> None:
    live = two.machine.slots[two.machine.active]
    assert live is not None
    live.status, live.fault = how, "by somebody else"
    assert two.live is None
    assert_ended(two, two.resume(), State.SUCCESS, live=V2, idle=(V1, "paused"))


def test_refused_run_does_not_change_the_record(two: World) -> None:
    """The live release is down for the moment; that a deploy is refused does not make it unwanted."""
    two.machine.kill(two.machine.active)
    run = two.deploy(V3, NEVER_HEALTHY)
    assert run.outcome is State.REFUSED
    assert run.finished is not None
    assert (run.finished.live, run.finished.slot) == (V2, two.machine.flag)
    assert two.machine.deployed_tag == V2
    assert_ended(two, two.resume(), State.SUCCESS, live=V2, idle=(V1, "exited"))


def test_status_says_what_the_public_gets(two: World) -> None:
    assert queries.status(two.runs()).public is None
    live = two.machine.slots[two.machine.active]
    assert live is not None
    live.behaviour = NEVER_HEALTHY
    sick = queries.status(two.runs()).public
    assert sick is not None
    assert (sick.expected, sick.remedy) == (f"{V2} healthy", "l9 logs")
    assert "status 503" in sick.found
    assert queries.drift(two.runs()).drift == ()  # it is as recorded
    live.status = "exited"
    down = queries.status(two.runs()).public
    assert down is not None and "status 502" in down.found
    unset_flag(two)
    lost = queries.status(two.runs()).public
    assert lost is not None and (lost.found, lost.remedy) == ("timed out", "l9 resume")


@pytest.mark.parametrize("how", ["rolled back", "deployed", "refused", "went back"])
def test_resume_starts_a_service_that_stopped_under_the_live_release(two: World, how: str) -> None:
    """Whatever the last run was, and however it ended: it ends the same way again."""
    runs = {
        "rolled back": two.rollback,
        "deployed": lambda: two.deploy(V3),
        "refused": lambda: two.deploy(V3, NEVER_HEALTHY),
        "went back": lambda: two.deploy(V3, BREAKS_AFTER_SWITCH),
    }
    before = runs[how]()
    live = two.live
    two.runtime.services_status["postgres"] = "exited"
    (service,) = queries.drift(two.runs()).drift
    assert (service.what, service.expected, service.remedy) == ("service", "postgres running", "l9 resume")
    done = two.resume()
    assert done is not None and done.finished is not None and before.finished is not None
    assert (done.id, done.outcome, done.finished.live) == (before.id, before.outcome, live)
    assert (two.live, two.runtime.services_status) == (live, {"postgres": "running"})
    assert two.monitor.failed == 0 or how == "went back"
    assert queries.drift(two.runs()).drift == ()
    assert two.resume() is None


def test_status_names_the_service_that_does_not_run(two: World) -> None:
    live = two.machine.slots[two.machine.active]
    assert live is not None
    live.behaviour = NEVER_HEALTHY
    two.runtime.services_status["postgres"] = "exited"
    sick = queries.status(two.runs()).public
    assert sick is not None
    assert sick.found.endswith("postgres does not run")
    assert sick.remedy == "l9 resume"


def test_a_service_under_a_release_that_does_not_run_comes_back_with_it(two: World) -> None:
    two.machine.kill(two.machine.active)
    two.runtime.services_status["postgres"] = "exited"
    assert all(one.what != "service" for one in queries.drift(two.runs()).drift)
    assert_ended(two, two.resume(), State.SUCCESS, live=V2, idle=(V1, "paused"))
    assert two.runtime.services_status == {"postgres": "running"}


def test_a_fresh_host_has_no_public_to_miss_anything(empty: World) -> None:
    assert queries.status(empty.runs()).public is None


def test_nothing_is_brought_back_where_something_serves(two: World) -> None:
    """The flag was flipped by hand to a standby that somebody woke: that is a decision, and drift."""
    to = two.machine.flag.other
    standby = two.machine.slots[to]
    assert standby is not None
    standby.status = "running"
    two.machine.flip(to)
    assert two.live == V1
    assert two.resume() is None
