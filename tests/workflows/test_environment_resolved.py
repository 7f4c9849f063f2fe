"""A deploy that brings its environment along: judged before it is written, and taken back with the release."""

from __future__ import annotations

from l9.core.states import State
from world.acts import always
from world.behaviour import BREAKS_AFTER_SWITCH, NEVER_HEALTHY
from world.ending import assert_ended, why
from world.host import World

from .conftest import V1, V2, V3

PLANTED = "hunter2-planted"
NEW = f"L9_EXECUTOR_API_KEY={PLANTED}\nADDED=1\n"
BEFORE = {"L9_EXECUTOR_API_KEY": "secret"}
AFTER = {"L9_EXECUTOR_API_KEY": PLANTED, "ADDED": "1"}


def on_record(world: World) -> str:
    return "".join(map(str, world.journal.entries()))


def test_it_is_written_and_stays(two: World) -> None:
    run = two.deploy(V3, env=NEW)
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert two.env.values == AFTER
    assert (two.env.staged, two.env.kept) == ({}, {})


def test_names_and_a_fingerprint_go_on_record_and_no_value(two: World) -> None:
    run = two.deploy(V3, env=NEW)
    assert run.env is not None
    assert run.env.keys == ("L9_EXECUTOR_API_KEY", "ADDED")
    assert len(run.env.fingerprint) == 16
    assert PLANTED not in on_record(two)


def test_first_deploy_needs_no_file_on_the_host(empty: World) -> None:
    empty.env.values = None
    assert empty.deploy(V1, env=NEW).outcome is State.SUCCESS
    assert empty.env.values == AFTER


def test_missing_key_closes_the_gate_before_anything_is_written(two: World) -> None:
    run = two.deploy(V3, env="ADDED=1\n")
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "paused"), closed_by=State.VPS_TAG_VERIFIED)
    assert "missing: L9_EXECUTOR_API_KEY" in why(run)
    assert two.env.values == BEFORE
    assert not any(act.startswith("env.") for act in two.acts.done)
    assert two.env.staged == {}


def test_refused_release_takes_its_environment_along(two: World) -> None:
    assert two.deploy(V3, NEVER_HEALTHY, NEW).outcome is State.REFUSED
    assert two.env.values == BEFORE


def test_refused_first_deploy_leaves_no_file_behind(empty: World) -> None:
    empty.env.values = None
    assert empty.deploy(V1, NEVER_HEALTHY, NEW).outcome is State.REFUSED
    assert empty.env.values is None


def test_rolled_back_after_the_switch_has_the_old_one_again(two: World) -> None:
    assert two.deploy(V3, BREAKS_AFTER_SWITCH, NEW).outcome is State.ROLLED_BACK
    assert two.env.values == BEFORE
    assert two.live == V2


def test_file_that_cannot_be_written_refuses_the_release(two: World) -> None:
    two.acts.failing["env.write"] = always
    run = two.deploy(V3, env=NEW)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "paused"), closed_by=State.IMAGES_READY)
    assert two.env.values == BEFORE


def test_file_that_cannot_be_put_back_needs_a_person_and_is_kept_for_them(two: World) -> None:
    two.acts.failing["env.restore"] = always
    run = two.deploy(V3, NEVER_HEALTHY, NEW)
    assert (run.outcome, two.live) == (State.FAIL_STATE, V2)
    assert two.env.kept[run.id] == BEFORE
