"""The journal file: JSON Lines, fsynced, hash-chained, read from its end."""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from l9.core import events as ev
from l9.drivers.files.atomic import replace_file, sync_directory
from l9.drivers.files.journal_lines import (
    CHUNK,
    FIRST,
    Bare,
    Fault,
    Tail,
    digest,
    follows,
    parse,
    refuse_other,
    tail,
)
from l9.drivers.process.clock import booted
from l9.errors import JournalBroken

__all__ = ["FULL", "RESERVE", "JournalFile", "parse"]

FULL = (errno.ENOSPC, errno.EDQUOT)
MOST_REPAIRS = 5  # before one entry: others write to the file as well
RESERVE = 1 << 18  # bytes: some hundred entries
_STARTED, _FINISHED = b'"event":"run-started"', b'"event":"run-finished"'
_encoder = msgspec.json.Encoder()
T = TypeVar("T")


class JournalFile:
    """One journal. Only the holder of the host's lock may append."""

    def __init__(
        self, path: Path, now: Callable[[], float], boot: Callable[[], tuple[str, float]] = booted
    ) -> None:
        self._path = path
        self._now, self._boot = now, boot
        self._last: Bare | None = None
        self._end = 0
        self._repairs = 0  # since an entry was last appended

    def append(self, run: str, event: ev.AnyEvent, *, claim: bool = False) -> ev.Entry:
        """Append one entry and sync it to disk before returning; `run` is the run's id.

        claim: the operator's side reported it, and this host has not verified it.
        """
        while (entry := self._add_after(self.repair(), run, event, claim)) is None:
            pass  # `_repair` has a limit
        return entry

    def _add_after(self, last: tuple[int, str], run: str, event: ev.AnyEvent, claim: bool) -> ev.Entry | None:
        """Append after the last entry; None if somebody else has written to the file since it was looked at."""
        (seq, prev), end = last, self._end
        self._last = None  # until the entry is on disk
        boot, up = self._boot()
        entry = ev.Entry(
            seq=seq + 1, at=round(self._now(), 6), run=run, body=event, prev=prev, claim=claim,
            boot=boot, up=round(up, 3),
        )  # fmt: skip
        entry = msgspec.structs.replace(entry, hash=digest(_encoder.encode(entry)))
        fresh, line = not self._path.exists(), _encoder.encode(entry) + b"\n"
        if not self._with_room(lambda: _add(self._path, line, end)):
            return None
        if fresh:
            sync_directory(self._path.parent)
        self._last = Bare(entry.seq, entry.at, run, prev, entry.hash)
        self._end = end + len(line)
        self._repairs = 0
        return entry

    def repair(self) -> tuple[int, str]:
        """Make the journal's end sound; return the number and hash of the last entry.

        An incomplete last line is removed, and one that is not the next entry is set aside, each on record. Byte
        offsets of the journal hold from then on. Needs the host's lock, as `append` does. Looks again only if
        somebody else has written to the file.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._last is None or self._end != self.size():
            self._keep_room()
            self._repair()
        assert self._last is not None  # noqa: S101  # as `_repair` left it
        return self._last.seq, self._last.hash

    def _with_room(self, write: Callable[[], T]) -> T:
        """Write; on a full disk, into the room that was reserved."""
        try:
            return write()
        except OSError as error:
            if error.errno not in FULL or not self.give_room():
                raise
            return write()

    @property
    def _reserve(self) -> Path:
        return self._path.with_name("journal.reserve")

    def give_room(self) -> bool:
        """Give up the room that is reserved on the disk; False if there is none."""
        try:
            self._reserve.unlink()
        except OSError:
            return False
        return True

    def _keep_room(self) -> None:
        """Reserve disk space: a run that fills the disk must still be able to journal its rollback."""
        try:
            fd = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            return  # it exists, or there is no space
        try:
            os.posix_fallocate(fd, 0, RESERVE)
        except OSError:
            self._reserve.unlink()
        finally:
            os.close(fd)

    def entries(self) -> Iterator[ev.Entry]:
        """Yield all entries, oldest first. A last line that is incomplete, or not an entry, is left out."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            left = self._tail(file.fileno()).sound
            for line in file:
                left -= len(line)
                if left < 0:
                    return
                if entry := parse(line, self._path):
                    yield entry

    def last_run(self) -> list[ev.Entry]:
        """Return the entries of the newest run, oldest first; read from the end of the file."""
        found: list[ev.Entry] = []
        for line in self.lines_backward():
            entry = parse(line, self._path)
            if entry is None or not entry.run:
                continue
            found.append(entry)
            if isinstance(entry.body, ev.RunStarted):
                return found[::-1]
        return found[::-1]

    def last_run_offset(self) -> int:
        """Return the byte offset of the newest run's first entry, or the file's end if there is no run."""
        found = next(self._backward(_STARTED), None)
        return found[1] if found else self.size()

    def size(self) -> int:
        """Return the file's size in bytes; 0 if there is no file."""
        return self._path.stat().st_size if self._path.exists() else 0

    def last_finished(self) -> ev.Entry | None:
        """Return the newest `run-finished` entry, or None."""
        for line in self.lines_backward(_FINISHED):
            if entry := parse(line, self._path):
                return entry
        return None

    def ends(self) -> Iterator[ev.RunFinished]:
        """Yield the `run-finished` events, newest first."""
        for line in self.lines_backward(_FINISHED):
            entry = parse(line, self._path)
            if entry is not None and isinstance(entry.body, ev.RunFinished):
                yield entry.body

    def knows(self, run: str) -> bool:
        """True if the journal has an entry of that run."""
        mark = b'"run":' + _encoder.encode(run)
        for line in self.lines_backward(mark):
            entry = parse(line, self._path)
            if entry is not None and entry.run == run:
                return True
        return False

    def wrote_record(self, run: str) -> bool:
        """True if the journal says that this run was about to write the host's record."""
        mark = b'"run":' + _encoder.encode(run)
        for line in self.lines_backward():
            entry = parse(line, self._path) if b'"do":"record-release"' in line and mark in line else None
            if entry is not None and ev.writes_record(entry, run):
                return True
        return False

    def starts(self, tag: str) -> Iterator[ev.RunStarted]:
        """Yield the `run-started` events of a tag, newest first; only their own lines are parsed."""
        mark = b'"tag":' + _encoder.encode(tag)
        for line in self.lines_backward(mark):
            entry = parse(line, self._path) if _STARTED in line else None
            if entry is not None and isinstance(entry.body, ev.RunStarted) and entry.body.tag == tag:
                yield entry.body

    def lines_backward(self, mark: bytes = b"") -> Iterator[bytes]:
        """Yield the lines with `mark` in them, newest first. A last line that is no entry is left out."""
        return (line for line, _ in self._backward(mark))

    def _backward(self, mark: bytes = b"") -> Iterator[tuple[bytes, int]]:
        """Yield the sound lines with `mark` in them, newest first, each with its offset.

        What lies between two of them is searched, and not split into lines: a long journal costs little.
        """
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            position = self._tail(file.fileno()).sound
            rest = b""
            while position > 0:
                size = min(CHUNK, position)
                position -= size
                data = os.pread(file.fileno(), size, position) + rest
                rest = data[: data.find(b"\n") + 1] if position else b""
                end, last = len(data), len(rest)
                while end > last and (at := data.rfind(mark, last, end - 1) if mark else end - 1) >= 0:
                    start = data.rfind(b"\n", last, at) + 1 or last
                    if (line := data[start : data.find(b"\n", at) + 1]) != b"\n":
                        yield line, position + start
                    end = start

    def _tail(self, fd: int) -> Tail:
        return tail(fd, os.fstat(fd).st_size)

    def verify(self) -> int:
        """Return the number of entries if each has the hash of the one before it.

        Raises JournalBroken naming the first entry that was changed, removed or inserted.
        """
        before = FIRST
        if not self._path.exists():
            return 0
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                read = follows(line, before)
                if isinstance(read, Fault):
                    lines = f"{max(before.seq, 1)},{before.seq + 1}p"  # the entry, and the one before it
                    raise JournalBroken(
                        f"the journal's chain breaks at entry {before.seq + 1}",
                        expected=read.expected,
                        found=read.found,
                        remedy=shlex.join(("sed", "-n", lines, str(self._path))),
                    )
                before = read
        return before.seq

    def _repair(self) -> None:
        """Cut off or set aside what is not an entry at the end, and say so in the journal."""
        self._repairs += 1
        if self._repairs > MOST_REPAIRS:
            raise JournalBroken(
                "somebody else writes to the journal all the time",
                expected=f"{self._path} written by the run alone",
                found=f"other writes before each of {MOST_REPAIRS} attempts",
                remedy="l9 status",
            )
        self._last, self._end = FIRST, 0
        repairs: list[ev.AnyEvent] = []
        if self._path.exists():
            with self._path.open("rb+") as file:
                size = file.seek(0, os.SEEK_END)
                found = tail(file.fileno(), size)
                refuse_other(found.last.schema, self._path)
                if found.sound == found.whole and found.fault is not None:
                    raise JournalBroken(
                        "the journal's last lines are not entries",
                        expected=f"one JSON object a line in {self._path}",
                        found=found.fault.found,
                        remedy=shlex.join(("mv", str(self._path), f"{self._path}.broken")),
                    )
                if found.fault is not None:
                    line = os.pread(file.fileno(), found.whole - found.sound, found.sound)
                    repairs.append(self._set_aside(line, found.fault))
                if size > found.whole:
                    repairs.append(ev.TailRepaired(lost_bytes=size - found.whole))
                if size > found.sound:
                    file.truncate(found.sound)
                    file.flush()
                    os.fsync(file.fileno())
                self._last, self._end = found.last, found.sound
        for event in repairs:
            self.append("", event)

    def _set_aside(self, line: bytes, fault: Fault) -> ev.LineSetAside:
        """Keep a line in a file beside the journal; doing so twice, after a crash, makes one file."""
        name = f"{self._path.name}.set-aside-{digest(line)[:12]}"
        self._with_room(lambda: replace_file(self._path.with_name(name), line, 0o600))
        return ev.LineSetAside(
            file=name, bytes=len(line), sha256=digest(line), expected=fault.expected, found=fault.found
        )


def _add(path: Path, line: bytes, end: int) -> bool:
    """Append a line and sync it, or leave the file unchanged; False if it does not end where it was seen to end."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        size = os.fstat(fd).st_size
        if size != end:
            return False
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(fd, left) :]
            os.fsync(fd)
        except OSError:
            os.ftruncate(fd, size)
            raise
        return True
    finally:
        os.close(fd)
