"""Looks side by side: all are taken, and none fails unheard."""

from __future__ import annotations

import threading

import pytest

from l9.drivers.process.concurrency import run_concurrently


def test_they_run_side_by_side() -> None:
    met = threading.Barrier(3, timeout=10)
    run_concurrently([met.wait] * 3)
    run_concurrently([])


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_that_fails_is_raised_after_the_others_are_done(place: int) -> None:
    done: list[int] = []

    def look(number: int) -> None:
        if number == place:
            raise ValueError(f"look {number}")
        done.append(number)

    with pytest.raises(ValueError, match=f"look {place}"):
        run_concurrently([lambda n=number: look(n) for number in range(3)])  # type: ignore[misc]
    assert sorted(done) == [n for n in range(3) if n != place]
