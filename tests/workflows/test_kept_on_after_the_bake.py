"""A failure after a release was proved and baked needs a person, and takes nothing from its users."""

from __future__ import annotations

from l9.core.states import State
from world.acts import times
from world.host import World

from .conftest import V2, V3


def needs_a_person(two: World, closed_by: State) -> None:
    run = two.deploy(V3)
    assert run is not None
    assert run.finished is not None
    assert (run.outcome, run.finished.exit_code) == (State.FAIL_STATE, 5)
    assert run.closed is not None
    assert run.closed.gate is closed_by
    assert (run.finished.live, two.live) == (V3, V3)
    assert run.finished.good[:2] == (V3, V2)


def test_record_cannot_be_written(two: World) -> None:
    two.acts.failing["record.write"] = times(1)
    needs_a_person(two, State.CLEANUP)


def test_old_slot_cannot_be_paused(two: World) -> None:
    two.acts.failing["runtime.pause"] = times(1)
    needs_a_person(two, State.SHUTDOWN)
