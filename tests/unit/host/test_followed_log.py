"""A followed log says when lines of it may be missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from l9.checks.logs.report import Outcome
from l9.core.facts import LogLine, LogsLost
from l9.host.followed_log import FollowedLog


class Quiet:
    """Implements `LogReader`: a log that is read without an error."""

    def read(self) -> Iterator[LogLine | LogsLost]:
        yield LogLine("stdout", "INFO all is well", 1.0)


@pytest.mark.parametrize(
    ("set_by", "outcome"), [(-3600.0, "inconclusive"), (3600.0, "clean"), (-0.5, "clean")]
)
@pytest.mark.parametrize("all_of_it", [True, False])
def test_a_clock_that_is_set_back_hides_lines(set_by: float, outcome: str, *, all_of_it: bool) -> None:
    shift = [10.0]
    log = FollowedLog(Quiet(), lambda: shift[0])
    log.catch_up(1.0)
    assert log.judge.report().outcome is Outcome.CLEAN
    shift[0] += set_by
    if all_of_it:
        log.read_all()
    else:
        log.catch_up(2.0)
    assert log.judge.report().outcome == outcome
