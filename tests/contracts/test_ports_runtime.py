"""Releases in slots: the same promises of the simulated engine and of real processes."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.processes import ProcessHost
from l9.core.states import Slot
from l9.errors import ActionError
from l9.ports import Runtime, Source
from world.behaviour import Behaviour, logged
from world.host import World

BLUE, GREEN = Slot.BLUE, Slot.GREEN
V1, V2, V3, EXITS = "v1.0.0-l9", "v1.1.0-l9", "v1.2.0-l9", "v1.3.0-l9"


@dataclass
class Engine:
    """A runtime, and what a test does around it. `ask` gives the release that answers in a slot."""

    runtime: Runtime
    source: Source
    another: Callable[[], Runtime]
    ask: Callable[[Slot], str | None]
    kill: Callable[[Slot], None]
    wait: Callable[[float], None]
    now: Callable[[], float]
    take_port: Callable[[Slot], Callable[[], None]]

    def build(self, *releases: str) -> None:
        for release in releases:
            self.source.fetch(release)
            self.source.add_tree(release)
            self.runtime.build(release, self.source.tag(release).commit, lambda _line: None)

    def up(self, slot: Slot, release: str) -> None:
        """Start it, and wait until it answers."""
        self.runtime.start(slot, release)
        assert self.becomes(lambda: self.ask(slot) == release)

    def becomes(self, what: Callable[[], bool], seconds: float = 10.0) -> bool:
        for _ in range(int(seconds / 0.05)):
            if what():
                return True
            self.wait(0.05)
        return False

    def seen(self, slot: Slot) -> tuple[str, str | None]:
        state = self.runtime.slots()[slot]
        return state.status, state.release


@pytest.fixture
def simulated() -> Engine:
    world = World()
    for tag in (V1, V2, V3):
        world.tag(tag, Behaviour(logs=logged(0.05, f"ERROR hello from {tag} with good-day")))
    world.tag(EXITS, Behaviour(starts_in=9, dies_after=0.1, exit_code=3))
    machine = world.machine

    def take_port(slot: Slot) -> Callable[[], None]:
        world.runtime.ports_taken = {8000: "a stranger"}
        return world.runtime.ports_taken.clear

    def ask(slot: Slot) -> str | None:
        return machine.release(slot) if machine.healthy(slot) else None

    return Engine(
        world.runtime,
        world.source,
        lambda: world.runtime,
        ask,
        machine.kill,
        world.wait,
        world.clock.now,
        take_port,
    )


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Engine]:
    host = ProcessHost(tmp_path, {V1: "", V2: "", V3: "", EXITS: "exits"})

    def take_port(slot: Slot) -> Callable[[], None]:
        stranger = socket.create_server(("127.0.0.1", host.port(slot)))
        return stranger.close

    try:
        yield Engine(
            host.runtime, host.source, host.another, host.ask, host.kill, time.sleep, time.time, take_port
        )
    finally:
        host.close()


@pytest.fixture(params=["simulated", "real"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.getfixturevalue(request.param)


def test_slots_are_empty_at_first(engine: Engine) -> None:
    assert engine.seen(BLUE) == engine.seen(GREEN) == ("absent", None)


def test_what_was_never_built_is_unknown(engine: Engine) -> None:
    assert engine.runtime.image(V1) is None
    kept = engine.runtime.retained(V1)
    assert (kept.tag, kept.known, kept.image_present) == (V1, False, False)
    with pytest.raises(ActionError):
        engine.runtime.start(BLUE, V1)


def test_built_release_is_kept_with_all_its_parts(engine: Engine) -> None:
    engine.build(V1, V1)
    image = engine.runtime.image(V1)
    assert image is not None
    assert image.commit == engine.source.tag(V1).commit
    kept = engine.runtime.retained(V1)
    assert (kept.known, kept.image, kept.image_present, kept.compose, kept.env) == (
        True, image.digest, True, True, True,
    )  # fmt: skip


def test_two_releases_have_two_images(engine: Engine) -> None:
    engine.build(V1, V2)
    one, two = engine.runtime.image(V1), engine.runtime.image(V2)
    assert one is not None
    assert two is not None
    assert one.digest != two.digest


def test_started_release_runs_and_answers(engine: Engine) -> None:
    engine.build(V1)
    before = engine.now()
    engine.up(BLUE, V1)
    state = engine.runtime.slots()[BLUE]
    image = engine.runtime.image(V1)
    assert image is not None
    assert (state.status, state.release, state.image) == ("running", V1, image.digest)
    assert (state.restarts, state.oom_killed, state.exit_code) == (0, False, None)
    assert before <= state.started_at <= engine.now()
    assert engine.seen(GREEN) == ("absent", None)


def test_starting_again_does_no_more(engine: Engine) -> None:
    engine.build(V1)
    engine.up(BLUE, V1)
    before = engine.runtime.slots()
    engine.runtime.start(BLUE, V1)
    engine.runtime.wake(BLUE, V1)
    assert engine.runtime.slots() == before


def test_two_releases_run_side_by_side(engine: Engine) -> None:
    engine.build(V1, V2)
    engine.up(BLUE, V1)
    engine.up(GREEN, V2)
    assert (engine.ask(BLUE), engine.ask(GREEN)) == (V1, V2)


def test_taken_slot_is_refused(engine: Engine) -> None:
    engine.build(V1, V2)
    engine.up(BLUE, V1)
    for act in (engine.runtime.start, engine.runtime.wake):
        with pytest.raises(ActionError, match="not free"):
            act(BLUE, V2)
    assert engine.ask(BLUE) == V1


def test_paused_slot_is_frozen_and_woken_as_it_was(engine: Engine) -> None:
    engine.build(V1)
    engine.up(BLUE, V1)
    began = engine.runtime.slots()[BLUE].started_at
    for _ in range(2):
        engine.runtime.pause(BLUE, V1)
        assert engine.seen(BLUE) == ("paused", V1)
    engine.runtime.wake(BLUE, V1)
    assert engine.becomes(lambda: engine.ask(BLUE) == V1)
    assert engine.runtime.slots()[BLUE].started_at == began


def test_stopped_slot_stays_and_starts_again(engine: Engine) -> None:
    engine.build(V1)
    engine.up(BLUE, V1)
    began = engine.runtime.slots()[BLUE].started_at
    for _ in range(2):
        engine.runtime.stop(BLUE, V1)
        assert engine.seen(BLUE) == ("exited", V1)
        assert engine.ask(BLUE) is None
    engine.wait(0.05)
    engine.runtime.wake(BLUE, V1)
    assert engine.becomes(lambda: engine.ask(BLUE) == V1)
    assert engine.runtime.slots()[BLUE].started_at > began


def test_paused_slot_can_be_stopped(engine: Engine) -> None:
    engine.build(V1)
    engine.up(BLUE, V1)
    engine.runtime.pause(BLUE, V1)
    engine.runtime.stop(BLUE, V1)
    assert engine.seen(BLUE) == ("exited", V1)


def test_pausing_what_does_not_run_does_nothing(engine: Engine) -> None:
    engine.build(V1)
    engine.runtime.pause(BLUE, V1)
    assert engine.seen(BLUE) == ("absent", None)
    engine.up(BLUE, V1)
    engine.runtime.stop(BLUE, V1)
    engine.runtime.pause(BLUE, V1)
    assert engine.seen(BLUE) == ("exited", V1)


def test_another_releases_slot_is_left_alone(engine: Engine) -> None:
    engine.build(V1, V2)
    engine.up(BLUE, V1)
    runtime = engine.runtime
    for act in (runtime.pause, runtime.stop, runtime.remove, runtime.evict):
        act(BLUE, V2)
        assert engine.seen(BLUE) == ("running", V1)
    assert engine.ask(BLUE) == V1


def test_removed_slot_is_empty_and_again_does_no_harm(engine: Engine) -> None:
    engine.build(V1, V2)
    engine.up(BLUE, V1)
    for _ in range(2):
        engine.runtime.remove(BLUE, V1)
        assert engine.seen(BLUE) == ("absent", None)
    engine.up(BLUE, V2)


def test_evicted_release_makes_room_and_comes_back_stopped(engine: Engine) -> None:
    engine.build(V1, V2)
    engine.up(BLUE, V1)
    for _ in range(2):
        engine.runtime.evict(BLUE, V1)
        assert engine.seen(BLUE) == ("absent", None)
    engine.up(BLUE, V2)
    engine.runtime.remove(BLUE, V2)
    for _ in range(2):
        engine.runtime.restore(BLUE, V1)
        assert engine.seen(BLUE) == ("exited", V1)
    engine.runtime.wake(BLUE, V1)
    assert engine.becomes(lambda: engine.ask(BLUE) == V1)


def test_release_can_be_evicted_from_where_it_was_evicted_before(engine: Engine) -> None:
    engine.build(V1)
    engine.up(BLUE, V1)
    engine.runtime.evict(BLUE, V1)
    engine.up(BLUE, V1)
    engine.runtime.evict(BLUE, V1)
    engine.runtime.restore(BLUE, V1)
    assert engine.seen(BLUE) == ("exited", V1)


def test_release_that_ends_at_once_is_seen_with_its_exit_code(engine: Engine) -> None:
    engine.build(EXITS)
    engine.runtime.start(BLUE, EXITS)
    assert engine.becomes(lambda: engine.seen(BLUE) == ("exited", EXITS))
    assert engine.runtime.slots()[BLUE].exit_code == 3


def test_killed_process_is_seen_and_can_be_started_again(engine: Engine) -> None:
    engine.build(V1)
    engine.up(BLUE, V1)
    engine.kill(BLUE)
    assert engine.becomes(lambda: engine.seen(BLUE) == ("exited", V1))
    engine.runtime.wake(BLUE, V1)
    assert engine.becomes(lambda: engine.ask(BLUE) == V1)


def test_another_process_of_l9_sees_and_does_the_same(engine: Engine) -> None:
    """The one that started the slots was killed."""
    engine.build(V1)
    engine.up(BLUE, V1)
    another = engine.another()
    mine, theirs = engine.runtime.slots()[BLUE], another.slots()[BLUE]
    assert (theirs.status, theirs.release, theirs.started_at) == (mine.status, mine.release, mine.started_at)
    another.start(BLUE, V1)
    assert engine.ask(BLUE) == V1
    another.stop(BLUE, V1)
    assert engine.seen(BLUE) == ("exited", V1)


def test_log_tells_of_the_environment_and_the_release(engine: Engine) -> None:
    engine.build(V1)
    began = engine.now()
    engine.up(BLUE, V1)
    lines = [line.text for line in engine.runtime.logs(BLUE, began)]
    assert lines[0] == f"ERROR hello from {V1} with good-day"


def test_log_of_an_empty_slot_is_empty(engine: Engine) -> None:
    assert engine.runtime.logs(BLUE, 0.0) == []


def test_log_of_an_earlier_start_is_not_the_latest_ones(engine: Engine) -> None:
    engine.build(V1)
    engine.up(BLUE, V1)
    engine.runtime.stop(BLUE, V1)
    engine.wait(0.1)
    again = engine.now()
    engine.runtime.wake(BLUE, V1)
    assert engine.becomes(lambda: engine.ask(BLUE) == V1)
    told = [line.text for line in engine.runtime.logs(BLUE, again)]
    assert sum("hello" in line for line in told) == 1


def test_lines_from_before_a_pause_are_not_told_again(engine: Engine) -> None:
    """A release that is woken is judged by what it logs from then on, not by its earlier life."""
    engine.build(V1)
    engine.up(BLUE, V1)
    engine.runtime.pause(BLUE, V1)
    engine.wait(0.1)
    woken = engine.now()
    engine.runtime.wake(BLUE, V1)
    assert [line for line in engine.runtime.logs(BLUE, woken) if "hello" in line.text] == []


def test_pruning_removes_what_is_neither_kept_nor_in_a_slot(engine: Engine) -> None:
    engine.build(V1, V2, V3)
    engine.up(BLUE, V1)
    engine.runtime.evict(BLUE, V1)
    engine.up(BLUE, V2)
    for _ in range(2):
        engine.runtime.prune((V3,))
    assert engine.runtime.retained(V1).known is False
    assert engine.runtime.retained(V2).image_present
    assert engine.runtime.retained(V3).image_present
    assert engine.ask(BLUE) == V2
    engine.build(V1)
    assert engine.runtime.retained(V1).image_present


def test_strangers_port_is_told_and_ones_own_is_not(engine: Engine) -> None:
    engine.build(V1)
    assert engine.runtime.host(BLUE).ports_taken == {}
    give_back = engine.take_port(BLUE)
    assert len(engine.runtime.host(BLUE).ports_taken) == 1
    give_back()
    engine.up(BLUE, V1)
    assert engine.runtime.host(BLUE).ports_taken == {}
    assert engine.runtime.host(BLUE).disk_free > 0
    assert engine.runtime.host(BLUE).memory_available > 0
