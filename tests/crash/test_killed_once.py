"""The deployer is killed at each point of each run, and the next command takes the run up."""

from __future__ import annotations

import pytest

from l9.core.states import State
from world.cuts import JOURNAL, PORT
from world.ending import without_standby

from .killing import check, kill, whole
from .scenarios import SCENARIOS

SOON, LATE, MUCH_LATER = 0.2, 20.0, 4000.0  # seconds until somebody takes the run up
WHEN = [(JOURNAL, LATE), (PORT, SOON), (PORT, MUCH_LATER)]


@pytest.mark.parametrize(("kind", "after"), WHEN)
@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_anywhere_goes_on_to_the_same_end(name: str, kind: str, after: float) -> None:
    points, end, local = whole(name, kind)
    for number, what in enumerate(points, 1):
        world = kill(name, kind, number)
        unfinished = world.last()
        assert unfinished is not None
        world.wait(after)
        run = world.recover(forward=True)
        check(world, run)
        if kind == JOURNAL and number < local:
            assert run is not None
            assert run.outcome is State.REFUSED, f"killed after {what}"
        else:
            assert world.state() == end, f"killed at point {number}: {what}"


@pytest.mark.parametrize(("kind", "after"), [(JOURNAL, SOON), (PORT, LATE)])
@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_before_the_switch_goes_back_when_that_is_wanted(name: str, kind: str, after: float) -> None:
    """Another release is to be deployed: what users have not seen yet is taken back, all else goes on."""
    points, end, _local = whole(name, kind)
    before = without_standby(SCENARIOS[name].host().state())
    for number, what in enumerate(points, 1):
        world = kill(name, kind, number)
        unfinished = world.last()
        assert unfinished is not None
        world.wait(after)
        run = world.recover(forward=False)
        check(world, run)
        if unfinished.switched or unfinished.going_back or unfinished.finished:
            assert world.state() == end, f"killed at point {number}: {what}"
        else:
            assert run is not None
            assert run.outcome is State.REFUSED, f"killed at point {number}: {what}"
            assert without_standby(world.state()) == before, f"killed at point {number}: {what}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_anywhere_and_the_timer_takes_it_up(name: str) -> None:
    points, end, local = whole(name, JOURNAL)
    for number in range(local, len(points) + 1, 3):
        world = kill(name, JOURNAL, number)
        world.wait(60)
        world.tick()
        check(world, None)
        assert world.state() == end


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_anywhere_and_another_release_is_deployed(name: str) -> None:
    for number in range(1, len(whole(name, PORT)[0]) + 1, 4):
        world = kill(name, PORT, number)
        world.acts.failing.clear()
        world.wait(5)
        run = world.deploy("v2.0.0-l9")
        assert run.outcome is State.SUCCESS
        assert world.live == "v2.0.0-l9"
        check(world, run)
