"""Somebody edited the live checkout: a deploy says so, instead of overwriting it."""

from __future__ import annotations

from l9.core.states import State
from world.ending import assert_ended, why
from world.host import World

from .conftest import V1, V2, V3


def test_edit_by_hand_refuses_the_next_deploy(two: World) -> None:
    two.source.edits = ("api/server_memory.py",)
    run = two.deploy(V3)
    assert_ended(two, run, State.REFUSED, live=V2, idle=(V1, "paused"), closed_by=State.HOST_READY)
    assert "api/server_memory.py" in why(run)


def test_edit_by_hand_does_not_stand_in_the_way_of_a_rollback(two: World) -> None:
    two.source.edits = ("api/server_memory.py",)
    run = two.rollback()
    assert_ended(two, run, State.SUCCESS, live=V1, idle=(V2, "paused"))
