"""Lines of a log grouped into records: a traceback belongs to the line that announced it (measured)."""

from __future__ import annotations

from collections import deque
from enum import Enum, StrEnum, auto
from typing import Literal

import msgspec

from l9.checks.logs import lines as log_lines
from l9.checks.logs.lines import Severity
from l9.core.facts import LONGEST_LINE, LogLine

_EDGES = " \t|+│╭╰>"
# The kept parts of a record: its first lines and, if it is long, its last lines.
_FIRST_CHARS, _LAST_LINES, _LAST_LINE_CHARS = 8192, 20, 400
_HEAD_CHARS = 4096
LEFT_OUT = "[...]"


class LineKind(StrEnum):
    """The kind of a record."""

    FINE = "fine"
    ERROR = "error"
    FATAL = "fatal"


class Record(msgspec.Struct, frozen=True):
    """Lines of one stream that belong together, without ANSI escapes. A long record has its first and last lines.

    `number` counts the records of a log from 0, in the order of their first lines. `exception` is the line that
    names the exception, if any. `template` is the record's text without its variable parts; it is empty if the
    record is not an error.
    """

    number: int
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
        """True if the record is an error or worse."""
        return self.kind in (LineKind.ERROR, LineKind.FATAL)


class _State(Enum):
    HEAD = auto()  # no traceback yet
    FRAMES = auto()  # in a traceback
    BOXED = auto()  # after Rich's box around a traceback: the next line names the exception
    MESSAGE = auto()  # after the line that names the exception; its message may continue
    GAP = auto()  # after a blank line in that message
    CHAIN = auto()  # after "During handling of the above exception": another traceback follows


class _Draft:
    """A record that may still grow. Its size is bounded, however many lines it has."""

    def __init__(self, number: int, line: LogLine, text: str) -> None:
        self.number, self.line = number, line
        document = log_lines.as_json(text)
        self.head = text
        if document is not None:
            self.head = log_lines.message_of_json(document) or text.replace('"', "")
        self.is_access = document is None and log_lines.is_access(text)
        self.state, self.exception = _State.HEAD, _exception(document, text)
        self.severity = self._severity(document, text)
        if text.endswith("Traceback (most recent call last):") or log_lines.TRACEBACK.match(text):
            self.state, self.severity = _State.FRAMES, self.severity or Severity.ERROR
        self.lines = [text[:_HEAD_CHARS]]
        self.room = _FIRST_CHARS
        self.last: deque[str] = deque(maxlen=_LAST_LINES)
        self.left_out = self.fatal = self.has_frames = False
        self._note(text)

    def _severity(self, document: dict[str, object] | None, text: str) -> Severity | None:
        if document is not None:
            return log_lines.severity_of_json(document)
        if self.is_access:
            return Severity.INFO
        return Severity.ERROR if log_lines.FATAL.match(text) else log_lines.severity_of_text(text)

    def _note(self, text: str) -> None:
        self.fatal = self.fatal or log_lines.FATAL.match(text) is not None
        self.has_frames = self.has_frames or log_lines.FRAME.match(text) is not None

    def _keep(self, text: str) -> None:
        self._note(text)
        self.room -= len(text) + 1
        if self.room >= 0:
            self.lines.append(text)
        else:
            self.left_out = self.left_out or len(self.last) == _LAST_LINES
            self.last.append(text[:_LAST_LINE_CHARS])

    def takes(self, text: str) -> bool:
        """True if the next line of the stream belongs to this record; it is then added."""
        belongs = self._goes_on(text)
        if belongs:
            self._keep(text)
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
        """True if a traceback belongs to the record. After INFO or no level it is a separate one (measured, rule 4)."""
        if self.state is _State.HEAD:
            # Rich indents a traceback that belongs to a record. A box at the left margin is an uncaught exception.
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
        """The record so far."""
        lines = [*self.lines, *([LEFT_OUT] if self.left_out else []), *self.last]
        while not lines[-1]:
            lines.pop()
        kind = self._kind()
        template = self._template() if kind is not LineKind.FINE else ""
        exception = self.exception and self.exception[:_HEAD_CHARS]
        return Record(self.number, self.line.stream, self.line.at, tuple(lines), kind, exception, template)

    def _kind(self) -> LineKind:
        if self.severity is Severity.ERROR:
            return LineKind.FATAL if self.fatal else LineKind.ERROR
        return LineKind.ERROR if self.severity is None and self.has_frames else LineKind.FINE

    def _template(self) -> str:
        bare = self.head == self.exception or log_lines.TRACEBACK.match(self.head)
        parts = [] if bare and self.exception else [self.head]
        return " | ".join(log_lines.mask(part) for part in [*parts, self.exception] if part)


class Grouping:
    """Groups lines into records; tracebacks and indented lines join the record that they belong to (measured).

    It takes the lines of both streams since the slot's start, in the order in which they were written. The
    streams may interleave.
    """

    def __init__(self) -> None:
        self._drafts: dict[str, _Draft] = {}
        self._begun = 0

    def take(self, line: LogLine) -> Record | None:
        """Take the next line; returns the record that ended with it, if any."""
        text = log_lines.plain(line.text[:LONGEST_LINE])
        draft = self._drafts.get(line.stream)
        if (draft is not None and draft.takes(text)) or not text:
            return None
        self._drafts[line.stream] = _Draft(self._begun, line, text)
        self._begun += 1
        return draft.record() if draft is not None else None

    def open(self) -> list[Record]:
        """The records that may still grow, in their current form: at most one per stream."""
        return [draft.record() for draft in self._drafts.values()]


def _exception(document: dict[str, object] | None, text: str) -> str | None:
    if document is not None:
        return log_lines.exception_of_json(document)
    return text if log_lines.NAMED_EXCEPTION.match(text) else None
