"""The judgement on a log, as plain data that can be decoded without importing the judge and its patterns."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """The three outcomes. INCONCLUSIVE: lines were lost, and those that were read show no error."""

    CLEAN = "clean"
    ERRORS = "errors"
    INCONCLUSIVE = "inconclusive"


class LoggedError(msgspec.Struct, frozen=True):
    """One kind of error, logged `count` times.

    `template` is the text that its records share, `line` a summary in one line, `text` its first record.
    `cause` is the cause of a crash that this record names, or None. `newest` is the number of its newest record.
    """

    template: str
    count: int
    line: str
    text: str
    cause: str | None
    newest: int


class LogReport(msgspec.Struct, frozen=True):
    """The judgement on a log: `errors` fail it; those `known` from the live slot do not.

    `excerpt` has the first records of the first errors verbatim, at most 4 kB in all.
    """

    outcome: Outcome
    reason: str
    records: int
    errors: tuple[LoggedError, ...] = ()
    known: tuple[LoggedError, ...] = ()
    excerpt: tuple[str, ...] = ()
