"""A host on which nothing is live yet: there is nothing to go back to."""

from __future__ import annotations

from l9.core.states import Slot, State
from world.behaviour import BREAKS_AFTER_SWITCH, NEVER_HEALTHY
from world.ending import assert_ended
from world.host import World

from .conftest import V1, V2


def test_first_deploy_never_healthy(empty: World) -> None:
    run = empty.deploy(V1, NEVER_HEALTHY)
    assert_ended(empty, run, State.REFUSED, live=None, closed_by=State.DEADLINE)
    assert empty.machine.deployed_tag is None
    assert empty.machine.trees == set()


def test_first_deploy_fails_in_bake(empty: World) -> None:
    run = empty.deploy(V1, BREAKS_AFTER_SWITCH)
    assert_ended(empty, run, State.ROLLED_BACK, live=None, closed_by=State.BAKE)
    assert run.finished is not None
    assert run.finished.good == ()
    assert run.finished.retained == ()


def test_second_try_after_a_failed_first_deploy(empty: World) -> None:
    empty.deploy(V1, BREAKS_AFTER_SWITCH)
    assert_ended(empty, empty.deploy(V2), State.SUCCESS, live=V2)


def test_first_deploy_has_no_old_slot_to_drain(empty: World) -> None:
    run = empty.deploy(V1)
    assert_ended(empty, run, State.SUCCESS, live=V1)
    assert run.old is None
    assert empty.machine.active is run.new is Slot.GREEN, "nobody reaches it before it was judged"
    assert empty.machine.deployed_tag == V1
