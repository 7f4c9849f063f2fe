"""A whole log at once, where a run reads it as it grows."""

from __future__ import annotations

from collections.abc import Iterable

from l9.checks.logs.logs import LogJudge
from l9.checks.logs.records import Grouping, Record
from l9.checks.logs.report import LogReport
from l9.core.facts import LogLine, LogsLost


def parse(lines: Iterable[LogLine]) -> list[Record]:
    """All records, in the order of their first lines."""
    grouping = Grouping()
    ended = [record for line in lines if (record := grouping.take(line))]
    return sorted([*ended, *grouping.open()], key=lambda record: record.number)


def judged(lines: Iterable[LogLine | LogsLost]) -> LogJudge:
    """The judge of a log that has these lines."""
    judge = LogJudge()
    for line in lines:
        judge.take(line)
    return judge


def stderr(text: str) -> list[LogLine]:
    return [LogLine("stderr", line) for line in text.split("\n")]


def report(text: str, known: frozenset[str] = frozenset()) -> LogReport:
    return judged(stderr(text)).report(known)
