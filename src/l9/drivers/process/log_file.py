"""A process's log file, followed as it grows, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from l9.core.facts import LONGEST_LINE, LogLine, LogsLost

_TAIL_BYTES = 1_000_000


class FoundLog(NamedTuple):
    """A log file. `start`: the first byte to read; `running`: its process may still write to it."""

    path: Path
    start: int
    running: bool


class LogFileReader:
    """Implements `LogReader`. `find` returns the file of the slot's latest process, or None while there is none."""

    def __init__(self, find: Callable[[], FoundLog | None]) -> None:
        self._find = find
        self._path: Path | None = None
        self._offset = 0
        self._passing = False  # inside a line that is longer than the limit

    def read(self) -> Iterator[LogLine | LogsLost]:
        found = self._find()
        if found is None:
            return
        if found.path != self._path:
            self._path, self._offset, self._passing = found.path, found.start, False
        try:
            file = found.path.open("rb")
        except OSError as error:
            yield LogsLost(f"cannot read its log file: {error.strerror}")
            return
        with file:
            size = file.seek(0, 2)
            if size < self._offset:
                self._offset, self._passing = 0, False
                yield LogsLost("its log file was truncated while it was read")
            file.seek(self._offset)
            while self._offset < size and (data := file.readline(LONGEST_LINE)):
                ends = data.endswith(b"\n")
                if not ends and len(data) < LONGEST_LINE and found.running and not self._passing:
                    return  # the rest of the line is not written yet
                begins, self._passing = not self._passing, not ends
                self._offset += len(data)
                if begins:
                    yield _line(data)


def tail(path: Path, most: int) -> list[LogLine]:
    """Return the last lines of a log file, from its last megabyte."""
    try:
        with path.open("rb") as file:
            left_out = max(0, file.seek(0, 2) - _TAIL_BYTES)
            file.seek(left_out)
            lines = file.read(_TAIL_BYTES).splitlines(keepends=True)
    except OSError:
        return []
    return [_line(line[:LONGEST_LINE]) for line in lines[1 if left_out else 0 :][-most:]]


def _line(data: bytes) -> LogLine:
    return LogLine("stderr", data.decode(errors="replace").rstrip("\r\n"))
