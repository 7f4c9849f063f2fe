"""The journal file: JSON Lines, fsynced, hash-chained, read from its end."""

from __future__ import annotations

import errno
import hashlib
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from l9.core import events as ev
from l9.drivers.files.atomic import sync_directory
from l9.drivers.process.clock import booted
from l9.errors import JournalBroken, UsageError

FULL = (errno.ENOSPC, errno.EDQUOT)
RESERVE = 1 << 18  # bytes: some hundred entries
_CHUNK = 1 << 16
_GENESIS = "0" * 64
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ev.Entry)


class _Bare(msgspec.Struct, frozen=True):
    """An entry with a body that this version does not know."""

    seq: int
    at: float
    run: str
    prev: str
    hash: str
    schema: str = ev.SCHEMA


class JournalFile:
    """One journal. Only the holder of the host's lock may append."""

    def __init__(
        self, path: Path, now: Callable[[], float], boot: Callable[[], tuple[str, float]] = booted
    ) -> None:
        self._path = path
        self._now, self._boot = now, boot
        self._last: tuple[int, str] | None = None

    def append(self, run: str, event: ev.AnyEvent, *, claim: bool = False) -> ev.Entry:
        """Append one entry and sync it to disk before returning; `run` is the run's id.

        claim: the operator's side reported it, and this host has not verified it.
        """
        seq, prev = self.repair()
        boot, up = self._boot()
        entry = ev.Entry(
            seq=seq + 1, at=round(self._now(), 6), run=run, body=event, prev=prev, claim=claim,
            boot=boot, up=round(up, 3),
        )  # fmt: skip
        entry = msgspec.structs.replace(entry, hash=_digest(_encoder.encode(entry)))
        fresh, line = not self._path.exists(), _encoder.encode(entry) + b"\n"
        try:
            _add(self._path, line)
        except OSError as error:
            if error.errno not in FULL or not self._reserve.exists():
                raise
            self._reserve.unlink()
            _add(self._path, line)
        if fresh:
            sync_directory(self._path.parent)
        self._last = (entry.seq, entry.hash)
        return entry

    def repair(self) -> tuple[int, str]:
        """Remove an incomplete last line, once; return the number and hash of the last entry.

        Byte offsets of the journal hold from then on. Needs the host's lock, as `append` does.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._last is None:
            self._keep_room()
            self._last = self._repair()
        return self._last

    @property
    def _reserve(self) -> Path:
        return self._path.with_name("journal.reserve")

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
        """Yield all entries, oldest first. An incomplete last line is left out."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n") and (entry := parse(line, self._path)):
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
        end = back = 0
        if self._path.exists():
            end = self._path.stat().st_size
        for line in self.lines_backward():
            back += len(line)
            if b'"event":"run-started"' in line:
                return end - back
        return end

    def size(self) -> int:
        """Return the file's size in bytes; 0 if there is no file."""
        return self._path.stat().st_size if self._path.exists() else 0

    def last_finished(self) -> ev.Entry | None:
        """Return the newest `run-finished` entry, or None."""
        for line in self.lines_backward():
            if b'"event":"run-finished"' in line and (entry := parse(line, self._path)):
                return entry
        return None

    def ends(self) -> Iterator[ev.RunFinished]:
        """Yield the `run-finished` events, newest first."""
        for line in self.lines_backward():
            entry = parse(line, self._path) if b'"event":"run-finished"' in line else None
            if entry is not None and isinstance(entry.body, ev.RunFinished):
                yield entry.body

    def knows(self, run: str) -> bool:
        """True if the journal has an entry of that run."""
        mark = b'"run":' + _encoder.encode(run)
        for line in self.lines_backward():
            entry = parse(line, self._path) if mark in line else None
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
        for line in self.lines_backward():
            entry = parse(line, self._path) if b'"event":"run-started"' in line and mark in line else None
            if entry is not None and isinstance(entry.body, ev.RunStarted) and entry.body.tag == tag:
                yield entry.body

    def lines_backward(self) -> Iterator[bytes]:
        """Yield complete lines, newest first; an incomplete last line is left out."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            position = file.seek(0, os.SEEK_END)
            tail = b""
            whole = False
            while position > 0:
                size = min(_CHUNK, position)
                position -= size
                file.seek(position)
                parts = (file.read(size) + tail).split(b"\n")
                tail = parts[0]
                for part in reversed(parts[1:]):
                    if whole and part:
                        yield part + b"\n"
                    whole = True  # text after the last newline is incomplete, or empty
            if tail and whole:
                yield tail + b"\n"

    def verify(self) -> int:
        """Return the number of entries if each has the hash of the one before it.

        Raises JournalBroken naming the first entry that was changed, removed or inserted.
        """
        prev, count = _GENESIS, 0
        if not self._path.exists():
            return 0
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                count += 1
                try:
                    bare = msgspec.json.decode(line, type=_Bare)
                except msgspec.MsgspecError as error:
                    raise _broken(count, "a JSON object", str(error)) from None
                if bare.prev != prev or bare.seq != count:
                    raise _broken(
                        count, f"entry {count} after {prev[:12]}", f"{bare.seq} after {bare.prev[:12]}"
                    )
                body = line.rstrip(b"\n").replace(f'"hash":"{bare.hash}"'.encode(), b'"hash":""')
                if _digest(body) != bare.hash:
                    raise _broken(
                        count, f"hash {_digest(body)[:12]}", f"{bare.hash[:12]}: the entry was changed"
                    )
                prev = bare.hash
        return count

    def _repair(self) -> tuple[int, str]:
        """Remove an incomplete last line; return the number and hash of the last entry."""
        torn = 0
        if self._path.exists():
            with self._path.open("rb+") as file:
                size = file.seek(0, os.SEEK_END)
                keep = _last_newline(file.fileno(), size)
                torn = size - keep
                if torn:
                    file.truncate(keep)
                    file.flush()
                    os.fsync(file.fileno())
        last = next(self.lines_backward(), None)
        if last is None:
            self._last = (0, _GENESIS)
        else:
            try:
                bare = msgspec.json.decode(last, type=_Bare)
            except msgspec.MsgspecError as error:
                raise JournalBroken(
                    "the journal's last line is not an entry",
                    expected=f"one JSON object a line in {self._path}",
                    found=str(error),
                    remedy=shlex.join(("mv", str(self._path), f"{self._path}.broken")),
                ) from None
            _refuse_other(bare.schema, self._path)
            self._last = (bare.seq, bare.hash)
        if torn:
            self.append("", ev.TailRepaired(lost_bytes=torn))
        return self._last


def _add(path: Path, line: bytes) -> None:
    """Append a line and sync it, or leave the file unchanged."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        size = os.fstat(fd).st_size
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(fd, left) :]
            os.fsync(fd)
        except OSError:
            os.ftruncate(fd, size)
            raise
    finally:
        os.close(fd)


def parse(line: bytes, path: Path) -> ev.Entry | None:
    """Parse one line of the journal at `path`; None for an unknown event of the same schema.

    Raises UsageError for a journal of another schema, JournalBroken for a line that is not an entry.
    """
    try:
        entry = _decoder.decode(line)
    except msgspec.MsgspecError as error:
        try:
            bare = msgspec.json.decode(line, type=_Bare)
        except msgspec.MsgspecError:
            raise JournalBroken(
                "the journal has a line that is not an entry",
                expected="one JSON object a line",
                found=str(error),
                remedy="l9 history --verify",
            ) from None
        _refuse_other(bare.schema, path)
        return None
    _refuse_other(entry.schema, path)
    return entry


def _refuse_other(schema: str, path: Path) -> None:
    """Raise UsageError: a journal of an older schema must be moved away, a newer one needs a newer l9."""
    if schema == ev.SCHEMA:
        return
    older = _version(schema) < _version(ev.SCHEMA)
    raise UsageError(
        f"the journal was written by {'an older' if older else 'a newer'} l9",
        expected=ev.SCHEMA,
        found=schema,
        remedy=shlex.join(("mv", str(path), f"{path}.old")) if older else "pip install --upgrade l9",
    )


def _version(schema: str) -> int:
    number = schema.rpartition("/")[2]
    return int(number) if number.isdecimal() else 0


def _broken(number: int, expected: str, found: str) -> JournalBroken:
    return JournalBroken(
        f"the journal's chain breaks at entry {number}", expected=expected, found=found, remedy="l9 history"
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _last_newline(fd: int, size: int) -> int:
    """Return the offset after the last newline, or 0."""
    position = size
    while position > 0:
        start = max(0, position - _CHUNK)
        at = os.pread(fd, position - start, start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        position = start
    return 0
