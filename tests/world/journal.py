"""The journal and the lock without a disk: the same interface, chained in the same way."""

from __future__ import annotations

import copy
import errno
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from l9.core import events as ev
from l9.drivers.files.journal import FULL
from l9.errors import JournalBroken, Locked

from .clock import Stuck
from .cuts import JOURNAL, Crash, Cuts

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ev.Entry)
_MOST_A_RUN = 1500  # entries; a run that writes more goes round in circles
RESERVE = 300  # entries that still fit when the disk is full
STATE = "/opt/l9/.l9"


class File:
    """What is on the disk. `torn`: bytes of an incomplete last line; `refuses`: the error of each write.

    `reserve`: entries for which there is room on a full disk.
    """

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.entries: list[ev.Entry] = []
        self.began = 0
        self.torn = 0
        self.refuses: OSError | None = None
        self.reserve = RESERVE
        self.aside: dict[str, bytes] = {}  # what was set aside, by name

    def copy(self) -> File:
        """Entries never change, so that a copy may share them."""
        other = copy.copy(self)
        other.lines, other.entries, other.aside = [*self.lines], [*self.entries], {**self.aside}
        return other


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
        self._seen: tuple[int, int] | None = (
            None  # where it was seen to end: complete lines, and bytes after them
        )
        self.file = File()

    def __deepcopy__(self, memo: dict[int, Any]) -> MemoryJournal:
        now, cuts, boot = copy.deepcopy((self._now, self._cuts, self._boot), memo)
        other = MemoryJournal(now, cuts, boot)
        other.file = self.file.copy()
        return other

    def opened(self, now: Callable[[], float]) -> MemoryJournal:
        """Return the same journal as another process opens it, with a clock of its own."""
        other = MemoryJournal(now, self._cuts, self._boot)
        other.file = self.file
        return other

    def append(self, run: str, event: ev.AnyEvent, *, claim: bool = False) -> ev.Entry:
        seq, prev = self.repair()
        file, (boot, up) = self.file, self._boot()
        bare = ev.Entry(
            seq=seq + 1, at=round(self._now(), 6), run=run, body=event, prev=prev, claim=claim,
            boot=boot, up=round(up, 3),
        )  # fmt: skip
        digest = hashlib.sha256(_encoder.encode(bare)).hexdigest()
        line = _encoder.encode(msgspec.structs.replace(bare, hash=digest)) + b"\n"
        self._seen = None  # until the entry is on disk
        self._writable()
        if self._cuts.tears():
            file.torn = len(line) // 2
            self._cuts.arm("", 0)
            raise Crash("within a line of the journal")
        if isinstance(event, ev.RunStarted):
            file.began = len(file.lines)
        if len(file.lines) - file.began > _MOST_A_RUN:
            raise Stuck("a run writes and writes")
        file.lines.append(line)
        file.entries.append(_decoder.decode(line))
        entry = file.entries[-1]
        self._seen = self._end()
        self._cuts.point(JOURNAL, f"{event.__struct_config__.tag} {getattr(event, 'gate', '')}".strip())
        return entry

    def _writable(self) -> None:
        """Raise the disk's error; a full disk has room for what was reserved."""
        file = self.file
        if file.refuses is None:
            file.reserve = RESERVE
        elif file.refuses.errno not in FULL or file.reserve == 0:
            raise at(file.refuses, f"{STATE}/journal.jsonl")
        else:
            file.reserve -= 1

    def _end(self) -> tuple[int, int]:
        return len(self.file.lines), self.file.torn

    def knows(self, run: str) -> bool:
        return any(entry.run == run for entry in self.file.entries)

    def wrote_record(self, run: str) -> bool:
        return any(ev.writes_record(entry, run) for entry in self.file.entries)

    def spoil(self, line: bytes) -> None:
        """Somebody adds a line that is not the next entry."""
        self.file.lines.append(line)

    def give_room(self) -> bool:
        """Nothing: memory is never full."""
        return False

    def repair(self) -> tuple[int, str]:
        """Set a last line aside that is not the next entry, and cut off what was torn.

        Who has not seen the file as it is opens it for writing; what cannot be told in it is not done.
        """
        file, found = self.file, self._end()
        if self._seen != found and any(found) and file.refuses is not None:
            spoiled = len(file.lines) > len(file.entries)
            if file.refuses.errno not in FULL or (spoiled and file.reserve == 0):
                raise at(file.refuses, f"{STATE}/journal.jsonl")
        self._seen = found
        torn, file.torn = file.torn, 0
        if len(file.lines) > len(file.entries):
            line = file.lines.pop()
            digest = hashlib.sha256(line).hexdigest()
            name = f"journal.jsonl.set-aside-{digest[:12]}"
            file.aside[name] = line
            told = ev.LineSetAside(
                file=name, bytes=len(line), sha256=digest, expected="an entry", found="none"
            )
            self.append("", told)
        if torn:
            self.append("", ev.TailRepaired(lost_bytes=torn))
        last = file.entries[-1] if file.entries else None
        return (last.seq, last.hash) if last else (0, "0" * 64)

    def entries(self) -> Iterator[ev.Entry]:
        yield from self.file.entries

    def last_run(self) -> list[ev.Entry]:
        return [e for e in self.file.entries[self.file.began :] if e.run]

    def last_run_offset(self) -> int:
        file = self.file
        started = file.entries and isinstance(file.entries[file.began].body, ev.RunStarted)
        return sum(map(len, file.lines[: file.began])) if started else self.size()

    def size(self) -> int:
        return sum(map(len, self.file.lines)) + self.file.torn

    def last_finished(self) -> ev.Entry | None:
        return next((e for e in reversed(self.file.entries) if isinstance(e.body, ev.RunFinished)), None)

    def ends(self) -> Iterator[ev.RunFinished]:
        yield from (e.body for e in reversed(self.file.entries) if isinstance(e.body, ev.RunFinished))

    def starts(self, tag: str) -> Iterator[ev.RunStarted]:
        begun = (e.body for e in reversed(self.file.entries) if isinstance(e.body, ev.RunStarted))
        yield from (one for one in begun if one.tag == tag)

    def lines_backward(self, mark: bytes = b"") -> Iterator[bytes]:
        yield from (line for line in reversed(self.file.lines[: len(self.file.entries)]) if mark in line)

    def verify(self) -> int:
        prev = "0" * 64
        for count, line in enumerate(self.file.lines, 1):
            entry = _decoder.decode(line)
            again = hashlib.sha256(_encoder.encode(msgspec.structs.replace(entry, hash=""))).hexdigest()
            if (entry.seq, entry.prev, entry.hash) != (count, prev, again):
                raise JournalBroken("the chain breaks", expected=f"entry {count}", found=str(entry.seq))
            prev = entry.hash
        return len(self.file.lines)

    # ── what others do to the file ───────────────────────────────────────────────────────────────

    def restore(self, entries: int) -> None:
        """Somebody puts back a copy of the journal from when it had so many entries."""
        file = self.file
        del file.entries[entries:], file.lines[entries:]
        starts = [n for n, entry in enumerate(file.entries) if isinstance(entry.body, ev.RunStarted)]
        file.began, file.torn = starts[-1] if starts else 0, 0

    def forget(self) -> None:
        """Somebody deletes the file."""
        self.restore(0)

    def tear(self) -> None:
        """The machine dies in the middle of the newest line: of what was synced, nothing is lost."""
        self.file.torn = 7

    def tamper(self, count: int, old: bytes, new: bytes) -> None:
        """Somebody changes an entry, counted from 1."""
        self.file.lines[count - 1] = self.file.lines[count - 1].replace(old, new)


def at(error: OSError, path: str) -> OSError:
    """The same error as the system gives it for this file."""
    return OSError(error.errno, error.strerror, path)


def full() -> OSError:
    """The error of a write on a full disk."""
    return OSError(errno.ENOSPC, "No space left on device")


def read_only() -> OSError:
    """The error of a write on a disk that is read-only."""
    return OSError(errno.EROFS, "Read-only file system")


class MemoryLock:
    """Has what `LockFile` has, for one machine. `refuses`: the error that the disk gives."""

    def __init__(self) -> None:
        self.held: str | None = None
        self.refuses: OSError | None = None

    def take(self, who: str, what: str, wait: float = 0.0) -> None:
        if self.refuses is not None:
            raise at(self.refuses, f"{STATE}/lock")
        if self.held is not None:
            raise Locked(f"another run holds the lock: {self.held}")
        self.held = what

    def free(self) -> None:
        self.held = None

    def holder(self) -> str | None:
        return self.held
