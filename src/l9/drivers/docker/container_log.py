"""A container's log as the engine sends it (`/containers/NAME/logs?timestamps=1`), read in bounded memory.

Without a terminal the engine sends frames: stream, three zeros, length (4 bytes), text. A long line spans several
frames; all have the time of its beginning, and only the last has a line end. A terminal has no frames, but the
parts of a long line repeat that time, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol, TypeAlias

from l9.core.facts import LONGEST_LINE, LogLine, LogsLost

Stream: TypeAlias = Literal["stdout", "stderr"]

_HEADER = 8
_ERR, _ENGINES_OWN = 2, 3
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")
_SECOND = 1_000_000_000


class Body(Protocol):
    """The body of a response."""

    def read(self, size: int, /) -> bytes: ...

    def readline(self, limit: int, /) -> bytes: ...


class Entry(NamedTuple):
    """One whole line. `at`: nanoseconds since the epoch, 0 if unknown; `ends`: True if it has its line end."""

    stream: Stream
    at: int
    text: bytes
    ends: bool

    def line(self) -> LogLine:
        text = self.text.decode(errors="replace").rstrip("\r\n")
        return LogLine(self.stream, text, self.at / _SECOND if self.at else None)


def entries(body: Body, *, tty: bool) -> Iterator[Entry | LogsLost]:
    """Yield the lines of a response, in the order they were logged. Lines are cut at 64 KiB."""
    begun: dict[Stream, tuple[int, bytearray]] = {}
    for stream, data in _terminal(body) if tty else _frames(body):
        if stream is None:
            yield LogsLost(f"the engine cannot read its log: {data.decode(errors='replace').strip()}")
            continue
        stamp = _STAMP.match(data)
        at, text = _nanoseconds(stamp) if stamp else 0, data[stamp.end() :] if stamp else data
        if tty and stamp:
            text = text.replace(stamp[0], b"")
        first, kept = begun.setdefault(stream, (at, bytearray()))
        kept += text[: LONGEST_LINE - len(kept)]
        if data.endswith(b"\n"):
            yield Entry(stream, first, bytes(kept), ends=True)
            del begun[stream]
    for stream, (at, kept) in begun.items():
        yield Entry(stream, at, bytes(kept), ends=False)


def _frames(body: Body) -> Iterator[tuple[Stream | None, bytes]]:
    """Yield stream and text of each frame; the stream is None for a message of the engine's own."""
    while len(header := body.read(_HEADER)) == _HEADER:
        length = int.from_bytes(header[4:], "big")
        data = body.read(min(length, LONGEST_LINE))
        ended = _pass_over(body, length - len(data)) if length > LONGEST_LINE else b""
        stream: Stream = "stderr" if header[0] == _ERR else "stdout"
        yield None if header[0] == _ENGINES_OWN else stream, data + ended


def _pass_over(body: Body, length: int) -> bytes:
    """Skip the part that is too long to keep; return its line end, if it has one."""
    data = b""
    while length > 0 and (data := body.read(min(length, LONGEST_LINE))):
        length -= len(data)
    return b"\n" if data.endswith(b"\n") else b""


def _terminal(body: Body) -> Iterator[tuple[Stream | None, bytes]]:
    while data := body.readline(LONGEST_LINE):
        yield "stdout", data


class Cursor:
    """The position up to which one stream of a container was read: the newest line's time, and the lines of that time.

    The times of one stream never decrease, and the engine sends lines from a time on, including that time.
    So each read repeats the newest line; if it is missing, the log was rotated past it.
    """

    def __init__(self, since: float) -> None:
        self._at = int(since * _SECOND)
        self._count = 0

    @property
    def since(self) -> str:
        """The `since` parameter of the next read."""
        return f"{self._at // _SECOND}.{self._at % _SECOND:09d}"

    def new(self, found: Iterable[Entry | LogsLost], *, running: bool) -> Iterator[Entry | LogsLost]:
        """Yield unread entries. A line without its end is left until it is complete or the container stops."""
        at, skip, anchored = self._at, self._count, self._count == 0
        for entry in found:
            if isinstance(entry, LogsLost) or not entry.at:
                yield entry
                continue
            if not anchored and entry.at != at:
                yield _ROTATED
            anchored = True
            if not entry.ends and running:
                return
            if entry.at == at and skip:
                skip -= 1
            else:
                yield entry
        if not anchored:
            yield _ROTATED

    def took(self, entry: Entry) -> None:
        """Advance past this line, which was read."""
        if entry.at > self._at:
            self._at, self._count = entry.at, 0
        self._count += entry.at == self._at


_ROTATED = LogsLost("lines of its log were rotated away before they were read")


@lru_cache(maxsize=16)
def _whole_seconds(stamp: bytes, zone: bytes) -> int:
    return int(datetime.fromisoformat((stamp + zone).decode()).timestamp())


def _nanoseconds(stamp: re.Match[bytes]) -> int:
    """Parse with nanoseconds; `datetime` has microseconds only."""
    return _whole_seconds(stamp[1], stamp[3]) * _SECOND + int((stamp[2] or b"0").ljust(9, b"0"))
