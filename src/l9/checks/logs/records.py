"""Lines of a log grouped into records: a traceback belongs to the line that announced it (measured)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, StrEnum, auto
from typing import Literal

import msgspec

from l9.checks.logs import lines as log_lines
from l9.checks.logs.lines import Severity
from l9.core.facts import LogLine

_EDGES = " \t|+│╭╰>"


class LineKind(StrEnum):
    """What a record amounts to."""

    FINE = "fine"
    ERROR = "error"
    FATAL = "fatal"
    ACCESS_5XX = "access_5xx"


class Record(msgspec.Struct, frozen=True):
    """Lines of one stream that belong together, free of ANSI escapes.

    `exception` is the line that names the exception, where there is one; `template` is the record's text
    without what varies, and empty for records that are no errors.
    """

    stream: Literal["stdout", "stderr"]
    at: float | None
    lines: tuple[str, ...]
    kind: LineKind
    exception: str | None = None
    template: str = ""

    @property
    def text(self) -> str:
        """All lines, as one text."""
        return "\n".join(self.lines)

    @property
    def failing(self) -> bool:
        """Whether the record is an error or worse."""
        return self.kind in (LineKind.ERROR, LineKind.FATAL)


class _State(Enum):
    HEAD = auto()  # no traceback yet
    FRAMES = auto()  # in a traceback
    BOXED = auto()  # past the box that Rich draws round one: the next line names the exception
    MESSAGE = auto()  # past the line that names the exception, whose message may go on
    GAP = auto()  # past a blank line after that
    CHAIN = auto()  # past "During handling of the above exception": one more traceback comes


class _Draft:
    """A record that may still grow."""

    def __init__(self, line: LogLine, text: str) -> None:
        self.line, self.lines = line, [text]
        self.json = log_lines.as_json(text)
        self.status = None if self.json else log_lines.access_status(text)
        self.state, self.exception = _State.HEAD, self._exception(text)
        self.severity = self._severity(text)
        if text.endswith("Traceback (most recent call last):") or log_lines.TRACEBACK.match(text):
            self.state, self.severity = _State.FRAMES, self.severity or Severity.ERROR

    def _exception(self, text: str) -> str | None:
        if self.json is not None:
            return log_lines.exception_of_json(self.json)
        return text if log_lines.NAMED_EXCEPTION.match(text) else None

    def _severity(self, text: str) -> Severity | None:
        if self.json is not None:
            return log_lines.severity_of_json(self.json)
        if self.status is not None:
            return Severity.INFO
        return Severity.ERROR if log_lines.FATAL.match(text) else log_lines.severity_of_text(text)

    def takes(self, text: str) -> bool:
        """Tell whether the next line of the stream belongs to this record, and take it in if so."""
        belongs = self._goes_on(text)
        if belongs:
            self.lines.append(text)
        return belongs

    def _goes_on(self, text: str) -> bool:
        if not text:
            self.state = _State.GAP if self.state is _State.MESSAGE else self.state
            return True
        if log_lines.TRACEBACK.match(text):
            return self._enters(_State.FRAMES, when=self._owns_traceback(text))
        if cause := log_lines.CAUSED_BY.match(text):
            self.exception = cause["exception"]
            return True
        if self.state is _State.FRAMES:
            return self._goes_on_in_frames(text)
        if self.state is _State.BOXED:
            return self._names_exception(text.strip())
        if text[0] in " \t":
            return not log_lines.starts_with_level(text)
        if self.state is _State.HEAD:
            return self._goes_on_from_head(text)
        if log_lines.CHAINED.match(text):
            return self._enters(_State.CHAIN)
        goes_on = log_lines.LIBPQ.match(text) is not None or not log_lines.begins_record(text)
        return self.state is _State.MESSAGE and goes_on

    def _goes_on_from_head(self, text: str) -> bool:
        if log_lines.AMID.match(text):
            return self._owns_what_follows or self.exception is not None
        named = self._owns_what_follows and log_lines.NAMED_EXCEPTION.match(text) is not None
        self.exception = text if named else self.exception
        return self._enters(_State.MESSAGE, when=named)

    def _goes_on_in_frames(self, text: str) -> bool:
        if text[0] in _EDGES:
            if grouped := log_lines.EXCEPTION_IN_GROUP.match(text):
                self.exception = grouped["exception"]
            return self._enters(_State.BOXED if log_lines.BOX_END.match(text) else _State.FRAMES)
        return self._names_exception(text)

    def _names_exception(self, text: str) -> bool:
        named = log_lines.EXCEPTION.match(text) is not None and not log_lines.starts_with_level(text)
        self.exception = text if named else self.exception
        return self._enters(_State.MESSAGE, when=named or not log_lines.begins_record(text))

    def _owns_traceback(self, text: str) -> bool:
        """Say whose a traceback is: after INFO or nothing it is an error of its own (measured, rule 4)."""
        if self.state is _State.HEAD:
            # Rich indents what belongs to its records; a box at the margin is one that nobody caught.
            uncaught = text[0] == "╭" and self.lines[0][0] in " ["
            return self._owns_what_follows and not uncaught
        return self.state is _State.CHAIN or text[0] in " \t|"

    @property
    def _owns_what_follows(self) -> bool:
        return self.severity in (Severity.ERROR, Severity.QUIET)

    def _enters(self, state: _State, *, when: bool = True) -> bool:
        self.state = state if when else self.state
        return when

    def record(self) -> Record:
        """Close the record."""
        while not self.lines[-1]:
            self.lines.pop()
        kind = self._kind()
        template = self._template() if kind in (LineKind.ERROR, LineKind.FATAL) else ""
        return Record(self.line.stream, self.line.at, tuple(self.lines), kind, self.exception, template)

    def _kind(self) -> LineKind:
        if self.status is not None:
            return LineKind.ACCESS_5XX if self.status >= 500 else LineKind.FINE
        if self.severity is Severity.ERROR:
            return LineKind.FATAL if any(map(log_lines.FATAL.match, self.lines)) else LineKind.ERROR
        unlevelled_stack = self.severity is None and any(map(log_lines.FRAME.match, self.lines))
        return LineKind.ERROR if unlevelled_stack else LineKind.FINE

    def _template(self) -> str:
        head = self.lines[0]
        if self.json is not None:
            head = log_lines.message_of_json(self.json) or head.replace('"', "")
        bare = head == self.exception or log_lines.TRACEBACK.match(head)
        parts = [] if bare and self.exception else [head]
        return " | ".join(log_lines.mask(part) for part in [*parts, self.exception] if part)


def parse(lines: Iterable[LogLine]) -> list[Record]:
    """Group lines into records: tracebacks and indented lines go to where they belong (measured).

    In: the lines of both streams since the slot's start, in the order in which they were written; the
    streams may interleave. Out: the records, in the order of their first lines. Raises nothing.
    """
    drafts: list[_Draft] = []
    latest: dict[str, _Draft] = {}
    for line in lines:
        text = log_lines.plain(line.text)
        draft = latest.get(line.stream)
        if (draft is None or not draft.takes(text)) and text:
            latest[line.stream] = _Draft(line, text)
            drafts.append(latest[line.stream])
    return [draft.record() for draft in drafts]
