"""The simulated engine and processes keep the same promises about releases, their logs and the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import islice

import pytest

from contracts.engines import V1, V2, V3, Engine, real, simulated
from l9.core.facts import LogLine, LogsLost
from l9.core.states import Slot
from l9.errors import ActionError

BLUE = Slot.BLUE


@pytest.fixture(params=[simulated, real])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    make: Callable[[], AbstractContextManager[Engine]] = request.param
    with make() as made:
        yield made


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


def told(engine: Engine, since: float = 0.0) -> list[str]:
    """The lines of a log, read from its beginning."""
    found = list(engine.runtime.read_log(BLUE, since).read())
    return [line.text for line in found if isinstance(line, LogLine)]


def test_log_tells_of_the_environment_and_the_release(engine: Engine) -> None:
    engine.build(V1)
    began = engine.now()
    engine.up(BLUE, V1)
    assert told(engine, began)[0] == f"ERROR hello from {V1} with good-day"
    assert engine.runtime.log_tail(BLUE, 1)[0].text == told(engine)[-1]


def test_log_of_an_empty_slot_is_empty(engine: Engine) -> None:
    assert told(engine) == []
    assert engine.runtime.log_tail(BLUE, 9) == []


def test_each_line_of_a_log_is_read_once(engine: Engine) -> None:
    engine.build(V1)
    reader = engine.runtime.read_log(BLUE, engine.now())
    assert list(reader.read()) == []
    engine.up(BLUE, V1)
    first = next(reader.read())
    assert isinstance(first, LogLine)
    assert "hello" in first.text
    for _ in range(3):
        engine.wait(0.05)
        assert not [line for line in reader.read() if isinstance(line, LogsLost) or "hello" in line.text]


def test_many_lines_are_all_read(engine: Engine) -> None:
    """Not only the newest of them; and a reader that is left early goes on where it was left."""
    engine.build(V1)
    engine.up(BLUE, V1)
    engine.log_lines(BLUE, 3000)
    reader = engine.runtime.read_log(BLUE, 0.0)
    first = list(islice(reader.read(), 1000))
    found = [*first, *reader.read()]
    assert "hello" in str(found[0])
    assert sum("noise" in str(line) for line in found) == 3000
    assert [line.text[-9:] for line in engine.runtime.log_tail(BLUE, 2)] == ["noise2998", "noise2999"]


def test_lines_that_nobody_can_read_any_more_are_lost(engine: Engine) -> None:
    engine.build(V1)
    engine.up(BLUE, V1)
    reader = engine.runtime.read_log(BLUE, 0.0)
    assert list(reader.read())
    engine.lose_log(BLUE)
    assert any(isinstance(line, LogsLost) for line in reader.read())


def test_log_of_an_earlier_start_is_not_the_latest_ones(engine: Engine) -> None:
    engine.build(V1)
    engine.up(BLUE, V1)
    engine.runtime.stop(BLUE, V1)
    engine.wait(0.1)
    again = engine.now()
    engine.runtime.wake(BLUE, V1)
    assert engine.becomes(lambda: engine.ask(BLUE) == V1)
    assert sum("hello" in line for line in told(engine, again)) == 1


def test_a_reader_goes_on_with_the_log_of_the_next_start(engine: Engine) -> None:
    engine.build(V1)
    began = engine.now()
    engine.up(BLUE, V1)
    reader = engine.runtime.read_log(BLUE, began)
    assert list(reader.read())
    engine.runtime.stop(BLUE, V1)
    engine.wait(0.1)
    engine.runtime.wake(BLUE, V1)
    assert engine.becomes(lambda: engine.ask(BLUE) == V1)
    assert sum("hello" in str(line) for line in reader.read()) == 1


def test_lines_from_before_a_pause_are_not_told_again(engine: Engine) -> None:
    """A release that is woken is judged by what it logs from then on, not by its earlier life."""
    engine.build(V1)
    engine.up(BLUE, V1)
    engine.runtime.pause(BLUE, V1)
    engine.wait(0.1)
    woken = engine.now()
    engine.runtime.wake(BLUE, V1)
    assert [line for line in told(engine, woken) if "hello" in line] == []


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
