"""A failure after a release was proved and baked needs a person, and takes nothing from its users."""

from __future__ import annotations

import pytest

from l9.core.decide import FINISH_PATIENCE
from l9.core.states import State, StepStatus
from world.acts import always, times
from world.ending import assert_ended
from world.host import World

from .conftest import V1, V2, V3, at, entered


def needs_a_person(two: World, closed_by: State) -> None:
    run = two.deploy(V3)
    assert run is not None
    assert run.finished is not None
    assert (run.outcome, run.finished.exit_code) == (State.FAIL_STATE, 5)
    assert run.closed is not None
    assert run.closed.gate is closed_by
    assert (run.finished.live, two.live) == (V3, V3)
    assert run.finished.good[:2] == (V3, V2)


LAST = (("record.write", State.CLEANUP), ("runtime.prune", State.CLEANUP), ("runtime.pause", State.SHUTDOWN))


@pytest.mark.parametrize(("act", "gate"), LAST)
def test_last_act_that_keeps_failing(two: World, act: str, gate: State) -> None:
    two.acts.failing[act] = always
    began = two.clock.now()
    needs_a_person(two, gate)
    assert two.clock.now() - began < 2 * FINISH_PATIENCE


@pytest.mark.parametrize(("act", "gate"), LAST)
def test_last_act_that_fails_for_a_while(two: World, act: str, gate: State) -> None:
    """An engine that is started again, a disk that somebody makes room on: nobody has to come."""
    two.acts.failing[act] = times(3)
    run = two.deploy(V3)
    assert_ended(two, run, State.SUCCESS, live=V3, idle=(V2, "paused"))
    assert [s.status for s in run.steps if s.gate is gate].count(StepStatus.RETRIED) == 3


@pytest.mark.parametrize("gate", [State.DRAIN, State.SHUTDOWN, State.CLEANUP])
@pytest.mark.parametrize("back", [False, True], ids=["deploy", "rollback"])
def test_engine_that_cannot_be_asked_for_a_while(two: World, gate: State, *, back: bool) -> None:
    def away() -> None:
        two.acts.failing["runtime.slots"] = always
        two.clock.after(12.0, lambda: two.acts.failing.pop("runtime.slots"))

    at(two, entered(gate), away)
    run = two.rollback() if back else two.deploy(V3)
    assert_ended(two, run, State.SUCCESS, live=V1 if back else V3, idle=(V2, "paused"))
