"""The log gate: real errors told from noise, and the likely cause of a death (spec 5.1 step 6; measured).

A search for "error" fails healthy releases and misses stderr. Here records are judged, not lines, and only
errors that the live slot does not log over the same time count against the new one.
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from l9.checks.logs.records import LineKind, Record, parse
from l9.core.facts import LogLine

__all__ = [
    "EXCERPT_BYTES",
    "LineKind",
    "LogLine",
    "LogReport",
    "LoggedError",
    "Outcome",
    "Record",
    "judge",
    "parse",
    "probable_cause",
]

EXCERPT_BYTES = 4096
_EXCERPT_RECORDS = 3
_ELISION = b"\n[...]\n"

_DATABASE = (
    r"psycopg|asyncpg|sqlalchemy|postgres|libpq|mysql|mongo|redis|connection to server|:(?:5432|3306|6379)\b"
)
_REFUSED = r"(?i)connection refused|ECONNREFUSED"
_UNRESOLVED = (
    r"(?i)could not translate host name|name or service not known|name resolution|ENOTFOUND|EAI_AGAIN"
)
# What to look for in a line, what must then be found anywhere in its record, and how to say it.
_CAUSES = tuple(
    (re.compile(line), re.compile(record, re.IGNORECASE), cause)
    for line, record, cause in (
        (r"(?i)address already in use|EADDRINUSE|connection in use", "", "the port is already taken"),
        (
            r"ModuleNotFoundError|No module named|Cannot find (?:module|package)",
            "",
            "a module is missing from the image",
        ),
        (r"WORKER TIMEOUT", "", "a worker did not answer in time"),
        (r"(?i)exec format error", "", "the image was built for another processor"),
        (r"MemoryError\b|OutOfMemoryError|heap out of memory|Killed$", "", "it ran out of memory"),
        (r"(?i)no space left on device|ENOSPC", "", "the disk is full"),
        (
            r"(?i)password authentication failed|access denied for user",
            "",
            "the database refuses the credentials",
        ),
        (r'(?i)database "[^"]*" does not exist|unknown database', "", "the database does not exist"),
        (_REFUSED, _DATABASE, "the database refuses connections"),
        (_REFUSED, "", "a service that it needs refuses connections"),
        (_UNRESOLVED, "", "a host name does not resolve"),
        (r"(?i)permission denied|PermissionError|EACCES", "", "a permission is missing"),
        (
            r"(?i)command not found|executable file not found|: not found$",
            "",
            "a program is missing from the image",
        ),
    )
)
_EXITS = {
    0: "it ended by itself (exit 0): a server has to stay in the foreground",
    126: "its command is not executable (exit 126)",
    127: "its command does not exist in the image (exit 127)",
    132: "illegal instruction (exit 132): built for another processor",
    134: "it aborted (exit 134)",
    137: "it was killed (SIGKILL, exit 137): out of memory on the host, or too slow to stop",
    139: "it crashed (segmentation fault, exit 139)",
    143: "it was told to stop (SIGTERM, exit 143)",
}
_LINE_CHARS = 240
_RECENT_RECORDS = 50
_CREDENTIALS = re.compile(r"://[^/@\s]+@")


class Outcome(StrEnum):
    """The three outcomes; INCONCLUSIVE closes a gate as an error does, but accuses nobody."""

    CLEAN = "clean"
    ERRORS = "errors"
    INCONCLUSIVE = "inconclusive"


class LoggedError(msgspec.Struct, frozen=True):
    """One kind of error, logged `count` times.

    `template` is what its records have in common, `line` what a person reads first, `text` its first record.
    """

    template: str
    count: int
    fatal: bool
    line: str
    text: str


class LogReport(msgspec.Struct, frozen=True):
    """The judgement on a log: `errors` fail it; those `known` from the live slot do not.

    `access_5xx` counts answers with a status of 5xx in access logs, for the caller to weigh: they are apart
    from the outcome. `excerpt` has the first records of the first errors verbatim, at most 4 kB in all.
    """

    outcome: Outcome
    reason: str
    records: int
    errors: tuple[LoggedError, ...] = ()
    known: tuple[LoggedError, ...] = ()
    access_5xx: int = 0
    excerpt: tuple[str, ...] = ()

    @property
    def templates(self) -> frozenset[str]:
        """Every error template of this log: what `judge` takes as `known` for the other slot."""
        return frozenset(error.template for error in self.errors + self.known)

    @property
    def fatal(self) -> tuple[LoggedError, ...]:
        """Those of the errors that end a process or a thread."""
        return tuple(error for error in self.errors if error.fatal)


def judge(
    records: Iterable[Record],
    known: frozenset[str] = frozenset(),
    *,
    expect_lines: bool = False,
    truncated: bool = False,
) -> LogReport:
    """Judge the log of one slot (spec 5.1 step 6; measured).

    In: its records; `known`, the `templates` of the live slot's report over the same time; `expect_lines`,
    whether a log without any line is suspicious; `truncated`, whether reading was cut short. Out: a
    LogReport. Errors that were seen outweigh lines that were not. Raises nothing.
    """
    records = list(records)
    kinds: dict[str, list[Record]] = {}
    for record in records:
        if record.failing:
            kinds.setdefault(record.template, []).append(record)
    errors = tuple(_logged(kind) for template, kind in kinds.items() if template not in known)
    if errors:
        outcome, reason = Outcome.ERRORS, f"{len(errors)} kinds of errors that the live slot does not log"
    elif truncated:
        outcome, reason = Outcome.INCONCLUSIVE, "reading the log was cut short"
    elif expect_lines and not records:
        outcome, reason = Outcome.INCONCLUSIVE, "no line was logged where some are expected"
    else:
        outcome, reason = Outcome.CLEAN, f"{len(records)} records, no error of its own"
    shown = errors[:_EXCERPT_RECORDS]
    return LogReport(
        outcome,
        reason,
        len(records),
        errors,
        known=tuple(_logged(kind) for template, kind in kinds.items() if template in known),
        access_5xx=sum(record.kind is LineKind.ACCESS_5XX for record in records),
        excerpt=tuple(_shortened(error.text, EXCERPT_BYTES // len(shown)) for error in shown),
    )


def _logged(kind: Sequence[Record]) -> LoggedError:
    first = kind[0]
    return LoggedError(
        first.template,
        count=len(kind),
        fatal=any(record.kind is LineKind.FATAL for record in kind),
        line=_one_line(first.exception or first.lines[0]),
        text=_shortened(first.text, EXCERPT_BYTES),
    )


def _shortened(text: str, room: int) -> str:
    """Cut a text to so many bytes; it keeps its two ends, since both name the fault."""
    raw = text.encode("utf-8", "replace")
    if len(raw) > room:
        half = (room - len(_ELISION)) // 2
        raw = raw[:half] + _ELISION + raw[-half:]
    return raw.decode("utf-8", "ignore")


def probable_cause(records: Sequence[Record], exit_code: int | None, oom_killed: bool) -> str | None:
    """Name the likeliest reason why a slot died or does not become healthy, in one line for people.

    In: its records; its exit code, None while it runs; whether the kernel killed it for want of memory.
    Out: at most 240 characters without credentials of URLs, or None when nothing is wrong to be seen. The
    newest record that tells something wins; the exit code speaks where the log is silent (measured, rule
    7). Raises nothing.
    """
    if oom_killed:
        return "the kernel killed it for want of memory: raise its memory limit, or find what grew"
    failing = [record for record in records if record.failing]
    told = next(filter(None, map(_known_cause, reversed(failing))), None)
    if told is None and exit_code != 0:
        # Shells complain without a level, and retries are warnings.
        told = next(filter(None, map(_recognised, reversed(records[-_RECENT_RECORDS:]))), None)
    if told is None:
        told = _EXITS.get(exit_code) if exit_code is not None else None
    if told is None and failing:
        told = failing[-1].lines[0]
    if told is None and exit_code is not None:
        told = f"it ended with exit code {exit_code}, and its log gives no reason"
    return told and _one_line(told)


def _known_cause(record: Record) -> str | None:
    # A worker that is told to stop ends with SystemExit: no cause, but a consequence.
    exception = None if (record.exception or "").startswith("SystemExit") else record.exception
    return _recognised(record) or exception or (record.lines[0] if record.kind is LineKind.FATAL else None)


def _recognised(record: Record) -> str | None:
    # Indented lines quote source code, which may name anything.
    said = [line for line in reversed(record.lines) if not line[:1].isspace()]
    for line in [record.exception or "", *said]:
        for in_line, in_record, cause in _CAUSES:
            if in_line.search(line) and in_record.search(record.text):
                return f"{cause}: {line.strip()}"
    return None


def _one_line(text: str) -> str:
    line = _CREDENTIALS.sub("://***@", text)
    return line if len(line) <= _LINE_CHARS else f"{line[: _LINE_CHARS - 1]}…"
