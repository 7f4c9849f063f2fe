"""Follow a run: the journal's new entries and the run's progress, until it ends or its worker dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from l9.config.layout import Layout
from l9.core import events as ev
from l9.drivers.files.journal import parse
from l9.drivers.files.lock import LockFile
from l9.protocol.answers.run_lines import EntryLine
from l9.protocol.messages import AnyMessage, decode

_EVERY = 0.01  # seconds between two reads


class _Tail:
    """Complete lines that were added to a file since the last read."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._path = path
        self._offset = offset

    def lines(self) -> list[bytes]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.splitlines(keepends=True)


def follow(layout: Layout, run: str, offset: int, ends: int = 0) -> Iterator[AnyMessage]:
    """Yield the messages of one run from a byte offset of the journal on, until its `run-finished`.

    A run that was resumed after FAIL-STATE has `ends` of them before. Ends without one if the lock is free: the worker
    died.
    """
    journal = _Tail(layout.journal, offset)
    progress = _Tail(layout.run(run) / "progress.jsonl")
    lock = LockFile(layout.lock)
    checked = time.monotonic()
    orphaned = False
    while True:
        entries = [
            entry
            for line in journal.lines()
            if (entry := parse(line, layout.journal)) is not None and entry.run == run
        ]
        for line in progress.lines():
            yield decode(line)
        for entry in entries:
            yield EntryLine(entry=entry)
            if isinstance(entry.body, ev.RunFinished):
                if not ends:
                    return
                ends -= 1
        if orphaned and not entries:
            return
        if time.monotonic() - checked > 0.25:
            checked = time.monotonic()
            orphaned = lock.holder() is None
        if not entries:
            time.sleep(_EVERY)
