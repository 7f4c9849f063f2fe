"""Runs to be killed: each begins on a host of its own, and is known to end in the same way every time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from l9.core.states import State
from world.acts import always
from world.behaviour import BREAKS_AFTER_SWITCH, DIES_AFTER_SWITCH, GOOD, NEVER_HEALTHY
from world.host import World

V1, V2, V3, V4 = (f"v1.0.{n}-l9" for n in range(1, 5))


@dataclass(frozen=True)
class Scenario:
    """`before` makes the host, `act` is the run that is killed, `outcome` how it ends when it is not."""

    before: Callable[[], World]
    act: Callable[[World], object]
    outcome: State

    def host(self) -> World:
        """A host of one's own, as it is before the run."""
        return _made(self.before).fork()


@cache
def _made(before: Callable[[], World]) -> World:
    return before()


def with_releases(*tags: str) -> Callable[[], World]:
    """A host on which these were deployed, the last one live."""
    return _with_releases(tags)


@cache
def _with_releases(tags: tuple[str, ...]) -> Callable[[], World]:
    def make() -> World:
        world = World()
        for tag in tags:
            assert world.deploy(tag).outcome is State.SUCCESS
        world.machine.slow = 0.1  # from here on there are always requests in flight
        return world

    return make


def cold() -> World:
    """v2 is live, v1 stands by and was stopped."""
    world = with_releases(V1, V2)()
    world.wait(700)
    assert world.tick() == (None, V1)
    return world


def streaming() -> World:
    """v2 is live, with streams open on it that do not end."""
    world = with_releases(V1, V2)()
    world.machine.streams[world.machine.active] = 2
    return world


def sick_standby() -> World:
    """v2 is live, and v1, which stands by, will not be healthy again."""
    world = with_releases(V1, V2)()
    standby = world.machine.slots[world.machine.active.other]
    assert standby is not None
    standby.behaviour = NEVER_HEALTHY
    return world


def cannot_record() -> World:
    """v2 is live, and the host's files cannot be written."""
    world = with_releases(V1, V2)()
    world.acts.failing["record.write"] = always
    return world


def deploys(tag: str, behaviour: object = GOOD) -> Callable[[World], object]:
    return lambda world: world.deploy(tag, behaviour)  # type: ignore[arg-type]


NEW_ENV = "L9_EXECUTOR_API_KEY=another\nADDED=1\n"


def resolves(tag: str, behaviour: object = GOOD) -> Callable[[World], object]:
    return lambda world: world.deploy(tag, behaviour, NEW_ENV)  # type: ignore[arg-type]


SCENARIOS = {
    "good-deploy-with-env": Scenario(with_releases(V1, V2), resolves(V3), State.SUCCESS),
    "refused-deploy-with-env": Scenario(with_releases(V1, V2), resolves(V3, NEVER_HEALTHY), State.REFUSED),
    "bake-failure-with-env": Scenario(
        with_releases(V1), resolves(V2, BREAKS_AFTER_SWITCH), State.ROLLED_BACK
    ),
    "first-deploy": Scenario(with_releases(), deploys(V1), State.SUCCESS),
    "first-deploy-refused": Scenario(with_releases(), deploys(V1, NEVER_HEALTHY), State.REFUSED),
    "second-deploy": Scenario(with_releases(V1), deploys(V2), State.SUCCESS),
    "good-deploy": Scenario(with_releases(V1, V2), deploys(V3), State.SUCCESS),
    "good-deploy-that-prunes": Scenario(with_releases(V1, V2, V3), deploys(V4), State.SUCCESS),
    "good-deploy-with-streams": Scenario(streaming, deploys(V3), State.SUCCESS),
    "refused-deploy": Scenario(with_releases(V1, V2), deploys(V3, NEVER_HEALTHY), State.REFUSED),
    "bake-failure": Scenario(with_releases(V1), deploys(V2, BREAKS_AFTER_SWITCH), State.ROLLED_BACK),
    "death-in-the-bake": Scenario(with_releases(V1, V2), deploys(V3, DIES_AFTER_SWITCH), State.ROLLED_BACK),
    "live-release-again": Scenario(with_releases(V1, V2), deploys(V2), State.SUCCESS),
    "rollback-warm": Scenario(with_releases(V1, V2), World.rollback, State.SUCCESS),
    "rollback-rebuilt": Scenario(
        with_releases(V1, V2), lambda world: world.rollback(rebuild=True), State.SUCCESS
    ),
    "rollback-to-a-pruned-release": Scenario(
        with_releases(V1, V2, V3, V4), lambda world: world.rollback(V1, rebuild=True), State.SUCCESS
    ),
    "rollback-cold": Scenario(cold, World.rollback, State.SUCCESS),
    "good-deploy-that-cannot-be-recorded": Scenario(cannot_record, deploys(V3), State.FAIL_STATE),
    "rollback-refused": Scenario(sick_standby, World.rollback, State.REFUSED),
    "rollback-to-a-taken-slot": Scenario(
        with_releases(V1, V2, V3), lambda world: world.rollback(V1), State.SUCCESS
    ),
}
