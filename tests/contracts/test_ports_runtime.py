"""Releases in slots: the same promises of the simulated engine and of real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from contracts.engines import EXITS, FORKS, V1, V2, Engine, real, simulated
from l9.core.states import Slot
from l9.errors import ActionError, NoAnswer

BLUE, GREEN = Slot.BLUE, Slot.GREEN


@pytest.fixture(params=[simulated, real])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    make: Callable[[], AbstractContextManager[Engine]] = request.param
    with make() as made:
        yield made


def test_slots_are_empty_at_first(engine: Engine) -> None:
    assert engine.seen(BLUE) == engine.seen(GREEN) == ("absent", None)


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


def test_each_slot_answers_at_its_own_endpoint(engine: Engine) -> None:
    engine.build(V1, V2)
    engine.up(BLUE, V1)
    engine.up(GREEN, V2)
    blue, green = (engine.runtime.endpoint(slot) for slot in (BLUE, GREEN))
    assert blue != green
    assert [engine.another().endpoint(slot) for slot in (BLUE, GREEN)] == [blue, green]
    assert engine.http.request("GET", f"{green}/health").status == 200
    engine.runtime.stop(GREEN, V2)
    with pytest.raises(NoAnswer):
        engine.http.request("GET", f"{green}/health")
    assert engine.http.request("GET", f"{blue}/health").status == 200


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


def test_release_of_several_processes_stands_by_stopped(engine: Engine) -> None:
    """A server that watches its workers by the clock would kill them after a pause."""
    engine.build(FORKS)
    engine.up(BLUE, FORKS)
    assert "stopped, not paused" in engine.runtime.pause(BLUE, FORKS)
    assert engine.seen(BLUE) == ("exited", FORKS)
    engine.runtime.wake(BLUE, FORKS)
    assert engine.becomes(lambda: engine.ask(BLUE) == FORKS)


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


def test_who_is_connected_past_the_router(engine: Engine) -> None:
    engine.build(V1)
    engine.up(BLUE, V1)
    with engine.router() as router:
        assert engine.runtime.past_the_router(BLUE, router) == 0
        with engine.connected(BLUE):
            assert engine.becomes(lambda: engine.runtime.past_the_router(BLUE, router) == 1)
        assert engine.becomes(lambda: engine.runtime.past_the_router(BLUE, router) == 0)


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


def test_evicted_release_does_not_come_back_to_a_slot_that_is_taken(engine: Engine) -> None:
    engine.build(V1, V2)
    engine.up(BLUE, V1)
    engine.runtime.evict(BLUE, V1)
    engine.up(BLUE, V2)
    with pytest.raises(ActionError, match="slot blue is not free"):
        engine.runtime.restore(BLUE, V1)
    engine.runtime.remove(BLUE, V2)
    engine.runtime.restore(BLUE, V1)
    assert engine.seen(BLUE) == ("exited", V1)


def test_what_was_never_kept_leaves_the_slot_free(engine: Engine) -> None:
    engine.build(V1)
    engine.runtime.restore(BLUE, V1)
    assert engine.seen(BLUE) == ("absent", None)


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
