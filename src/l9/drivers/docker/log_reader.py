"""A slot's log on Docker, read as it grows: each stream goes on from where it was left."""

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
    """Implements `LogReader`. `find` gives the slot's container, None while there is none."""

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
        # Two answers, not one: the times of one stream are in order, those of two are not.
        out, err = (self._new(found, stream) for stream in _STREAMS)
        with closing(out), closing(err):
            for entry in merge(out, err, key=_time):
                if isinstance(entry, LogsLost):
                    yield entry
                else:
                    self._cursors[entry.stream].took(entry)  # only now: merging reads ahead
                    yield entry.line()

    def _new(self, found: Container, stream: Stream) -> Generator[Entry | LogsLost]:
        cursor = self._cursors[stream]
        try:
            with self._engine.log(found.id, (stream,), cursor.since) as body:
                yield from cursor.new(entries(body, tty=found.tty), running=found.running)
        except EngineRefused as refused:
            if refused.status == NOT_IMPLEMENTED:
                yield LogsLost(f"its log cannot be read: {refused.found}")
            elif refused.status not in (NOT_FOUND, CONFLICT):  # it is gone, or going
                raise


def _time(entry: Entry | LogsLost) -> int:
    return entry.at if isinstance(entry, Entry) else 0
