"""Hosts to begin with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from l9.core import events as ev
from l9.core.states import State
from world.host import World

V1, V2, V3, V4 = (f"v1.0.{n}-l9" for n in range(1, 5))


@pytest.fixture
def empty() -> World:
    """A provisioned host on which nothing was deployed yet."""
    return World()


@pytest.fixture
def one(empty: World) -> World:
    """v1 is live; nothing stands in the other slot."""
    assert empty.deploy(V1).outcome is State.SUCCESS
    return empty


@pytest.fixture
def two(one: World) -> World:
    """v2 is live, v1 stands by, paused."""
    assert one.deploy(V2).outcome is State.SUCCESS
    return one


@pytest.fixture
def three(two: World) -> World:
    """v3 is live, v2 stands by, v1 is retained without a slot."""
    assert two.deploy(V3).outcome is State.SUCCESS
    return two


def at(world: World, moment: Callable[[ev.AnyEvent], bool], what: Callable[[], None]) -> None:
    """Do something once, right after the journal entry that is this moment."""
    waiting = [what]

    def after_entry(entry: ev.Entry) -> None:
        if waiting and moment(entry.body):
            waiting.pop()()

    world.after_entry = after_entry


def entered(gate: State) -> Callable[[ev.AnyEvent], bool]:
    return lambda event: isinstance(event, ev.GateEntered) and event.gate is gate


def opened(gate: State) -> Callable[[ev.AnyEvent], bool]:
    return lambda event: isinstance(event, ev.GateOpened) and event.gate is gate
