"""A slot's log on Docker, followed as it grows: each stream continues after the last line that was read."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from heapq import merge

from l9.core.facts import LogLine, LogsLost
from l9.drivers.docker.container_log import Cursor, Entry, Stream, entries
from l9.drivers.docker.engine import CONFLICT, NOT_FOUND, NOT_IMPLEMENTED, Engine, EngineRefused
from l9.drivers.docker.engine_commands import Container

_STREAMS: tuple[Stream, ...] = ("stdout", "stderr")


class ContainerLogReader:
    """Implements `LogReader`. `find` returns the slot's container, or None while there is none."""

    def __init__(self, engine: Engine, find: Callable[[], Container | None], since: float) -> None:
        self._engine = engine
        self._find = find
        self._since = since
        self._container = ""
        self._cursors: dict[Stream, Cursor] = {}

    def read(self) -> Iterator[LogLine | LogsLost]:
        found = self._find()
        if found is None:
            return
        if found.id != self._container:
            self._container = found.id
            self._cursors = {stream: Cursor(self._since) for stream in _STREAMS}
        # One response per stream: times are in order within a stream, but not across both.
        out, err = (self._new(found, stream) for stream in _STREAMS)
        with closing(out), closing(err):
            for entry in merge(out, err, key=_time):
                if isinstance(entry, LogsLost):
                    yield entry
                else:
                    self._cursors[entry.stream].took(entry)  # not before: merging reads ahead
                    yield entry.line()

    def _new(self, found: Container, stream: Stream) -> Generator[Entry | LogsLost]:
        cursor = self._cursors[stream]
        try:
            with self._engine.log(found.id, (stream,), cursor.since) as body:
                yield from cursor.new(entries(body, tty=found.tty), running=found.running)
        except EngineRefused as refused:
            if refused.status == NOT_IMPLEMENTED:
                yield LogsLost(f"cannot read its log: {refused.found}")
            elif refused.status not in (NOT_FOUND, CONFLICT):  # it is gone, or being removed
                raise


def _time(entry: Entry | LogsLost) -> int:
    return entry.at if isinstance(entry, Entry) else 0
