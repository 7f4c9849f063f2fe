"""Follow a run: the journal's new entries and the run's progress, until it ends or its worker dies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from l9.config.layout import Layout
from l9.core import events as ev
from l9.drivers.files.journal import parse
from l9.drivers.files.lock import LockFile
from l9.errors import JournalBroken
from l9.protocol.answers.run_lines import EntryLine
from l9.protocol.messages import AnyMessage, decode

T = TypeVar("T")
_EVERY = 0.01  # seconds between two reads


class _Tail(Generic[T]):
    """What the complete lines say that were added to a file since the last read.

    `read` raises `unsound` for a line that is none of the file's: a fragment, or text of somebody else. It is passed
    over once a sound line follows; until then the file's end is read again, since a repair takes such a line away.
    """

    def __init__(
        self, path: Path, read: Callable[[bytes], T], unsound: type[Exception], offset: int = 0
    ) -> None:
        self._path, self._offset = path, offset
        self._read, self._unsound = read, unsound

    def lines(self) -> list[T]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        found, length = [], 0
        for line in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
            length += len(line)
            with suppress(self._unsound):
                found.append(self._read(line))
                self._offset, length = self._offset + length, 0
        return found


def follow(layout: Layout, run: str, offset: int, ends: int = 0) -> Iterator[AnyMessage]:
    """Yield the messages of one run from a byte offset of the journal on, until its `run-finished`.

    A run that was resumed after FAIL-STATE has `ends` of them before. Ends without one if the lock is free: the worker
    died.
    """
    journal = _Tail(layout.journal, partial(parse, path=layout.journal), JournalBroken, offset)
    progress = _Tail(layout.run(run) / "progress.jsonl", decode, msgspec.MsgspecError)
    lock = LockFile(layout.lock)
    checked = time.monotonic()
    orphaned = False
    while True:
        entries = [entry for entry in journal.lines() if entry is not None and entry.run == run]
        yield from progress.lines()
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
