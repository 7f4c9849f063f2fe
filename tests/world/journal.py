"""The journal and the lock without a disk: the same interface, chained in the same way."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from l9.core import events as ev
from l9.errors import JournalBroken, Locked

from .clock import Stuck
from .cuts import JOURNAL, Cuts

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ev.Entry)
_MOST_A_RUN = 1500  # entries; a run that writes more goes round in circles


class MemoryJournal:
    """Has what `JournalFile` has. What is read was written as JSON, and read back from it."""

    def __init__(
        self,
        now: Callable[[], float],
        cuts: Cuts | None = None,
        boot: Callable[[], tuple[str, float]] = lambda: ("boot", 0.0),
    ) -> None:
        self._now, self._boot = now, boot
        self._cuts = cuts or Cuts()
        self._lines: list[bytes] = []
        self._entries: list[ev.Entry] = []
        self._began = 0
        self.aside: dict[str, bytes] = {}  # what was set aside, by name

    def __deepcopy__(self, memo: dict[int, Any]) -> MemoryJournal:
        """Entries never change, so that a copy may share them."""
        now, cuts, boot = copy.deepcopy((self._now, self._cuts, self._boot), memo)
        other = MemoryJournal(now, cuts, boot)
        other._lines, other._entries, other._began = [*self._lines], [*self._entries], self._began
        other.aside = {**self.aside}
        return other

    def append(self, run: str, event: ev.AnyEvent, *, claim: bool = False) -> ev.Entry:
        _, prev = self.repair()
        boot, up = self._boot()
        bare = ev.Entry(
            seq=len(self._lines) + 1, at=round(self._now(), 6), run=run, body=event, prev=prev, claim=claim,
            boot=boot, up=round(up, 3),
        )  # fmt: skip
        digest = hashlib.sha256(_encoder.encode(bare)).hexdigest()
        line = _encoder.encode(msgspec.structs.replace(bare, hash=digest)) + b"\n"
        if isinstance(event, ev.RunStarted):
            self._began = len(self._lines)
        if len(self._lines) - self._began > _MOST_A_RUN:
            raise Stuck("a run writes and writes")
        self._lines.append(line)
        self._entries.append(_decoder.decode(line))
        self._cuts.point(JOURNAL, f"{event.__struct_config__.tag} {getattr(event, 'gate', '')}".strip())
        return self._entries[-1]

    def knows(self, run: str) -> bool:
        return any(entry.run == run for entry in self._entries)

    def restore(self, entries: int) -> None:
        """Somebody puts back a copy of the journal from when it had so many entries."""
        del self._entries[entries:], self._lines[entries:]
        starts = [n for n, entry in enumerate(self._entries) if isinstance(entry.body, ev.RunStarted)]
        self._began = starts[-1] if starts else 0

    def spoil(self, line: bytes) -> None:
        """Somebody adds a line that is not the next entry."""
        self._lines.append(line)

    def give_room(self) -> bool:
        """Nothing: memory is never full."""
        return False

    def repair(self) -> tuple[int, str]:
        """Set a last line aside that is not the next entry; what is in memory is never torn."""
        if len(self._lines) > len(self._entries):
            line = self._lines.pop()
            name = f"journal.jsonl.set-aside-{hashlib.sha256(line).hexdigest()[:12]}"
            self.aside[name] = line
            digest = hashlib.sha256(line).hexdigest()
            told = ev.LineSetAside(
                file=name, bytes=len(line), sha256=digest, expected="an entry", found="none"
            )
            self.append("", told)
        last = self._entries[-1] if self._entries else None
        return (last.seq, last.hash) if last else (0, "0" * 64)

    def entries(self) -> Iterator[ev.Entry]:
        yield from self._entries

    def last_run(self) -> list[ev.Entry]:
        return [e for e in self._entries[self._began :] if e.run]

    def last_run_offset(self) -> int:
        started = self._entries and isinstance(self._entries[self._began].body, ev.RunStarted)
        return sum(map(len, self._lines[: self._began])) if started else self.size()

    def size(self) -> int:
        return sum(map(len, self._lines))

    def last_finished(self) -> ev.Entry | None:
        return next((e for e in reversed(self._entries) if isinstance(e.body, ev.RunFinished)), None)

    def ends(self) -> Iterator[ev.RunFinished]:
        yield from (e.body for e in reversed(self._entries) if isinstance(e.body, ev.RunFinished))

    def starts(self, tag: str) -> Iterator[ev.RunStarted]:
        begun = (e.body for e in reversed(self._entries) if isinstance(e.body, ev.RunStarted))
        yield from (one for one in begun if one.tag == tag)

    def lines_backward(self, mark: bytes = b"") -> Iterator[bytes]:
        yield from (line for line in reversed(self._lines[: len(self._entries)]) if mark in line)

    def verify(self) -> int:
        prev = "0" * 64
        for count, line in enumerate(self._lines, 1):
            entry = _decoder.decode(line)
            again = hashlib.sha256(_encoder.encode(msgspec.structs.replace(entry, hash=""))).hexdigest()
            if (entry.seq, entry.prev, entry.hash) != (count, prev, again):
                raise JournalBroken("the chain breaks", expected=f"entry {count}", found=str(entry.seq))
            prev = entry.hash
        return len(self._lines)

    def forget(self) -> None:
        """Somebody deletes the file."""
        self._lines, self._entries, self._began = [], [], 0

    def tamper(self, count: int, old: bytes, new: bytes) -> None:
        """Somebody changes an entry, counted from 1."""
        self._lines[count - 1] = self._lines[count - 1].replace(old, new)


class MemoryLock:
    """Has what `LockFile` has, for one process."""

    def __init__(self) -> None:
        self.held: str | None = None

    def take(self, who: str, what: str, wait: float = 0.0) -> None:
        if self.held is not None:
            raise Locked(f"another run holds the lock: {self.held}")
        self.held = what

    def free(self) -> None:
        self.held = None

    def holder(self) -> str | None:
        return self.held
