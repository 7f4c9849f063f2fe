"""Killing a run at a point, and what must hold when it was taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from l9.core.run import Run
from l9.core.states import Slot
from world.cuts import Crash
from world.ending import assert_on_record
from world.host import LOCAL, World

from .scenarios import SCENARIOS


@cache
def whole(name: str, kind: str) -> tuple[tuple[str, ...], Mapping[str, Any], int]:
    """The points that an unharmed run passes, how it leaves the host, and which of the points come after the
    gates before the host were written down: what dies earlier cannot go on.
    """
    scenario = SCENARIOS[name]
    world = scenario.host()
    before = len(list(world.journal.entries()))
    world.cuts.arm(kind, 0)
    scenario.act(world)
    assert world.ended[-1].outcome is scenario.outcome
    check(world, world.ended[-1])
    entries = list(world.journal.entries())[before:]
    local = 1 + len(LOCAL) if entries[0].body.kind == "deploy" else 1  # type: ignore[union-attr]
    return tuple(world.cuts.passed), world.state(), local


def kill(name: str, kind: str, at: int) -> World:
    """The host as it is when the deployer was killed at that point, counted from 1."""
    scenario = SCENARIOS[name]
    world = scenario.host()
    world.cuts.arm(kind, at)
    try:
        scenario.act(world)
    except Crash:
        return world
    raise AssertionError(f"{name} has no {kind} point {at}")


def recover_and_die(world: World, kind: str, at: int) -> bool:
    """Take the run up and be killed again; whether it was killed before it came to its end."""
    world.cuts.arm(kind, at)
    try:
        world.recover()
    except Crash:
        return True
    world.cuts.arm("", 0)
    return False


def check(world: World, run: Run | None) -> None:
    """The run is over and on record, nobody was harmed by l9, and nothing runs but what is live."""
    last = world.last()
    assert last is not None
    assert last.finished is not None, "the run is not over"
    if run is not None:
        assert_on_record(world, run)
    assert world.monitor.violations == []
    assert world.monitor.failed == 0
    assert world.machine.hung_streams == 0
    assert [s for s in Slot if world.machine.runs(s)] == (
        [world.machine.active] if last.finished.live else []
    )
