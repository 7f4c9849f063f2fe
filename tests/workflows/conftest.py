"""Hosts to begin with."""

from __future__ import annotations

import pytest

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
