"""The log gate: finds real errors in a log, and the probable cause of a crash (spec 5.1 step 6; measured).

A search for "error" fails healthy releases and misses stderr. This module judges records, not lines. Only errors
that the live slot does not log in the same period count against the new slot.
"""

import re
from collections import deque

import msgspec

from l9.checks.logs.records import Grouping, LineKind, Record
from l9.checks.logs.report import LoggedError, LogReport, Outcome
from l9.core.facts import LogLine, LogsLost

EXCERPT_BYTES = 4096
MOST_KINDS = 500
MORE_KINDS = f"more than {MOST_KINDS} kinds of errors"
TAIL_LINES = 40
_TAIL_CHARS = 2000
_EXCERPT_RECORDS = 3
_ELISION = b"\n[...]\n"

_DATABASE = (
    r"psycopg|asyncpg|sqlalchemy|postgres|libpq|mysql|mongo|redis|connection to server|:(?:5432|3306|6379)\b"
)
_REFUSED = r"(?i)connection refused|ECONNREFUSED"
_UNRESOLVED = (
    r"(?i)could not translate host name|name or service not known|name resolution|ENOTFOUND|EAI_AGAIN"
)
# A pattern for one line, a pattern that must match anywhere in its record, and the cause to report.
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
        (r"(?i)permission denied|PermissionError|EACCES", "", "permission denied"),
        (
            r"(?i)command not found|executable file not found|: not found$",
            "",
            "a program is missing from the image",
        ),
    )
)
_EXITS = {
    0: "it exited by itself (exit 0): a server must stay in the foreground",
    126: "its command is not executable (exit 126)",
    127: "its command does not exist in the image (exit 127)",
    132: "illegal instruction (exit 132): built for another processor",
    134: "it aborted (exit 134)",
    137: "it was killed (SIGKILL, exit 137): out of memory on the host, or too slow to stop",
    139: "it crashed (segmentation fault, exit 139)",
    143: "it was stopped (SIGTERM, exit 143)",
}
_LINE_CHARS = 240
_RECENT_RECORDS = 50
_CREDENTIALS = re.compile(r"://[^/@\s]+@")


class LogJudge:
    """Judges the log of one slot, line by line (spec 5.1 step 6; measured).

    Its memory is bounded: it keeps at most `MOST_KINDS` kinds of errors with one example each, the newest records
    and the last lines. Lost lines (`LogsLost`) make the judgement inconclusive; a long log does not.
    """

    def __init__(self) -> None:
        self._grouping = Grouping()
        self._kinds: dict[str, LoggedError] = {}
        self._records = 0
        self._recent: deque[Record] = deque(maxlen=_RECENT_RECORDS)
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._lost = ""

    def take(self, line: LogLine | LogsLost) -> None:
        """Take the next line of the log, or a marker of lost lines."""
        if isinstance(line, LogsLost):
            self._lost = self._lost or line.reason
            return
        self._tail.append(line.text[:_TAIL_CHARS])
        if record := self._grouping.take(line):
            self.add(record)

    def add(self, record: Record) -> None:
        """Take the next record."""
        self._records += 1
        self._recent.append(record)
        if record.failing:
            _count(self._kinds, record)

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines."""
        return tuple(self._tail)

    @property
    def templates(self) -> frozenset[str]:
        """The templates of this log's errors, by kind: `known` in the report of the other slot."""
        return frozenset(self._all_kinds())

    def report(self, known: frozenset[str] = frozenset()) -> LogReport:
        """Judge the log so far. `known` are the `templates` of the live slot in the same period.

        Errors decide the outcome even if lines were lost. Raises nothing.
        """
        kinds = self._all_kinds().values()
        errors = tuple(kind for kind in kinds if kind.template not in known)
        records = self._records + len(self._grouping.open())
        if errors:
            outcome, reason = Outcome.ERRORS, f"{len(errors)} kinds of errors that the live slot does not log"
        elif self._lost:
            outcome, reason = Outcome.INCONCLUSIVE, self._lost
        else:
            outcome, reason = Outcome.CLEAN, f"{records} records, no error of its own"
        first = errors[:_EXCERPT_RECORDS]
        return LogReport(
            outcome,
            reason,
            records,
            errors,
            known=tuple(kind for kind in kinds if kind.template in known),
            excerpt=tuple(_shortened(error.text, EXCERPT_BYTES // len(first)) for error in first),
        )

    def probable_cause(self, exit_code: int | None, oom_killed: bool) -> str | None:
        """Name the most likely reason why the slot exited or is not healthy, in one line; None if there is none.

        `exit_code` is None while the slot runs. `oom_killed`: the kernel killed it because memory ran out. The line
        has at most 240 characters and no credentials from URLs. The newest record that names a cause wins. The exit
        code decides if the log names none (measured, rule 7).
        """
        if oom_killed:
            return "the kernel killed it, out of memory: raise its memory limit, or find the leak"
        newest_first = sorted(self._all_kinds().values(), key=lambda kind: kind.newest, reverse=True)
        cause = next((kind.cause for kind in newest_first if kind.cause), None)
        if cause is None and exit_code != 0:
            # Shells write errors without a level, and failed retries are logged as warnings.
            recent = [*self._recent, *self._grouping.open()][-_RECENT_RECORDS:]
            cause = next(filter(None, map(_recognised, reversed(recent))), None)
        if cause is None:
            cause = _EXITS.get(exit_code) if exit_code is not None else None
        if cause is None and newest_first:
            cause = newest_first[0].text.partition("\n")[0]
        if cause is None and exit_code is not None:
            cause = f"it exited with exit code {exit_code}, and its log gives no reason"
        return cause and _one_line(cause)

    def _all_kinds(self) -> dict[str, LoggedError]:
        """All kinds of errors, including records that may still grow."""
        kinds = dict(self._kinds)
        for record in self._grouping.open():
            if record.failing:
                _count(kinds, record)
        return kinds


def _count(kinds: dict[str, LoggedError], record: Record) -> None:
    """Add a failing record to its kind; all kinds above the limit are counted as one."""
    template = record.template
    if template not in kinds and len(kinds) >= MOST_KINDS:
        template = MORE_KINDS
    if (kind := kinds.get(template)) is not None:
        newest = max(kind.newest, record.number)
        kinds[template] = msgspec.structs.replace(kind, count=kind.count + 1, newest=newest)
        return
    kinds[template] = LoggedError(
        template,
        count=1,
        line=_one_line(record.exception or record.lines[0]),
        text=_shortened(record.text, EXCERPT_BYTES),
        cause=_known_cause(record),
        newest=record.number,
    )


def _shortened(text: str, room: int) -> str:
    """Cut a text to `room` bytes. Both ends are kept, because either may name the error."""
    raw = text.encode("utf-8", "replace")
    if len(raw) > room:
        half = (room - len(_ELISION)) // 2
        raw = raw[:half] + _ELISION + raw[-half:]
    return raw.decode("utf-8", "ignore")


def _known_cause(record: Record) -> str | None:
    # A worker that is asked to stop exits with SystemExit: a consequence, not a cause.
    exception = None if (record.exception or "").startswith("SystemExit") else record.exception
    return _recognised(record) or exception or (record.lines[0] if record.kind is LineKind.FATAL else None)


def _recognised(record: Record) -> str | None:
    # Indented lines may quote source code, which can contain any words.
    unindented = [line for line in reversed(record.lines) if not line[:1].isspace()]
    for line in [record.exception or "", *unindented]:
        for in_line, in_record, cause in _CAUSES:
            if in_line.search(line) and in_record.search(record.text):
                return f"{cause}: {line.strip()}"
    return None


def _one_line(text: str) -> str:
    line = _CREDENTIALS.sub("://***@", text)
    return line if len(line) <= _LINE_CHARS else f"{line[: _LINE_CHARS - 1]}…"
