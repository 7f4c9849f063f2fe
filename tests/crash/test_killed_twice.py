"""The deployer is killed again while it takes a killed run up; and again, and again."""

from __future__ import annotations

import pytest

from world.cuts import JOURNAL, PORT

from .killing import check, kill, recover_and_die, whole
from .scenarios import SCENARIOS

EVERY_FIRST, EVERY_SECOND = 11, 3  # samples: all pairs are some 50,000 runs


@pytest.mark.parametrize("kind", [JOURNAL, PORT])
@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_in_the_recovery_too(name: str, kind: str) -> None:
    points, end, local = whole(name, kind)
    first = local if kind == JOURNAL else 1
    for number in range(first, len(points) + 1, EVERY_FIRST):
        second = 1 + number % EVERY_SECOND
        while True:
            world = kill(name, kind, number)
            world.wait(1)
            if not recover_and_die(world, kind, second):
                break
            world.wait(1)
            check(world, world.recover())
            assert world.state() == end, f"killed at {number} and then at {second}"
            second += EVERY_SECOND


@pytest.mark.parametrize("kind", [JOURNAL, PORT])
@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_again_and_again_still_comes_to_its_end(name: str, kind: str) -> None:
    """No life of the deployer is longer than two entries after its own `run-resumed`, or one action and its result."""
    points, end, local = whole(name, kind)
    world = kill(name, kind, local if kind == JOURNAL else 1)
    lives = 0
    while recover_and_die(world, kind, 3 if kind == JOURNAL else 6):
        lives += 1
        assert lives < len(points), "it gets nowhere"
        world.wait(0.5)
    check(world, None)
    assert world.state() == end
