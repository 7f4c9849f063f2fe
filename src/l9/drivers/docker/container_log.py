"""A container's log as the engine sends it (`/containers/NAME/logs?timestamps=1`), read in bounded memory.

Without a terminal the engine sends frames: stream, three zeros, length (4 bytes), text. A long line comes in several
frames; all of them have the time of its beginning, and only the last has a line end. A terminal has no frames, but the
pieces of a long line repeat that time, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol, TypeAlias

from l9.checks.logs.lines import LONGEST_LINE
from l9.core.facts import LogLine, LogsLost

Stream: TypeAlias = Literal["stdout", "stderr"]

_HEADER = 8
_ERR, _ENGINES_OWN = 2, 3
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")
_SECOND = 1_000_000_000


class Body(Protocol):
    """An answer's body."""

    def read(self, size: int, /) -> bytes: ...

    def readline(self, limit: int, /) -> bytes: ...


class Entry(NamedTuple):
    """One whole line. `at`: nanoseconds since the epoch, 0 where the engine gives none; `ends`: has its line end."""

    stream: Stream
    at: int
    text: bytes
    ends: bool

    def line(self) -> LogLine:
        text = self.text.decode(errors="replace").rstrip("\r\n")
        return LogLine(self.stream, text, self.at / _SECOND if self.at else None)


def entries(body: Body, *, tty: bool) -> Iterator[Entry | LogsLost]:
    """The lines of an answer; the streams interleave as they were logged. Of a line only 64 KiB are kept."""
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
    """Stream and text of each frame; no stream for what the engine says of its own."""
    while len(header := body.read(_HEADER)) == _HEADER:
        length = int.from_bytes(header[4:], "big")
        data = body.read(min(length, LONGEST_LINE))
        ended = _pass_over(body, length - len(data)) if length > LONGEST_LINE else b""
        stream: Stream = "stderr" if header[0] == _ERR else "stdout"
        yield None if header[0] == _ENGINES_OWN else stream, data + ended


def _pass_over(body: Body, length: int) -> bytes:
    """Read what is too long to be kept; its line end, if it has one."""
    data = b""
    while length > 0 and (data := body.read(min(length, LONGEST_LINE))):
        length -= len(data)
    return b"\n" if data.endswith(b"\n") else b""


def _terminal(body: Body) -> Iterator[tuple[Stream | None, bytes]]:
    while data := body.readline(LONGEST_LINE):
        yield "stdout", data


class Cursor:
    """The place up to which one stream of a container was read: the newest line's time, and the lines of that time.

    The times of one stream never decrease, and the engine sends lines from a time on with those of that very time.
    So the newest line comes again with each read; where it does not, the log was rotated past it.
    """

    def __init__(self, since: float) -> None:
        self._at = int(since * _SECOND)
        self._count = 0

    @property
    def since(self) -> str:
        """What to ask the engine for."""
        return f"{self._at // _SECOND}.{self._at % _SECOND:09d}"

    def new(self, found: Iterable[Entry | LogsLost], *, running: bool) -> Iterator[Entry | LogsLost]:
        """What was not read yet. A line without its end waits for it while the container runs."""
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
        """Go on behind this line: it was read."""
        if entry.at > self._at:
            self._at, self._count = entry.at, 0
        self._count += entry.at == self._at


_ROTATED = LogsLost("lines of its log were rotated away before they were read")


@lru_cache(maxsize=16)
def _whole_seconds(stamp: bytes, zone: bytes) -> int:
    return int(datetime.fromisoformat((stamp + zone).decode()).timestamp())


def _nanoseconds(stamp: re.Match[bytes]) -> int:
    """Python's own times have microseconds only."""
    return _whole_seconds(stamp[1], stamp[3]) * _SECOND + int((stamp[2] or b"0").ljust(9, b"0"))
