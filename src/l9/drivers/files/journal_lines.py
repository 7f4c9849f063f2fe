"""The journal's lines: what makes one an entry, the chain between two, and where the sound part of a file ends."""

from __future__ import annotations

import hashlib
import os
import shlex
from pathlib import Path

import msgspec

from l9.core import events as ev
from l9.errors import JournalBroken, UsageError

GENESIS = "0" * 64
CHUNK = 1 << 16
_decoder = msgspec.json.Decoder(ev.Entry)


class Bare(msgspec.Struct, frozen=True):
    """An entry whose body may be unknown to this version."""

    seq: int
    at: float
    run: str
    prev: str
    hash: str
    schema: str = ev.SCHEMA


FIRST = Bare(seq=0, at=0.0, run="", prev="", hash=GENESIS)  # what the first entry follows


class Fault(msgspec.Struct, frozen=True):
    """Why a line is not the next entry."""

    expected: str
    found: str


def digest(data: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def bare(line: bytes) -> Bare | Fault:
    """Read a line without its body."""
    try:
        return msgspec.json.decode(line, type=Bare)
    except msgspec.MsgspecError as error:
        return Fault("a JSON object", str(error))


def follows(line: bytes, before: Bare) -> Bare | Fault:
    """Read a line if it is the entry after `before`, unchanged."""
    read = bare(line)
    if isinstance(read, Fault):
        return read
    if (read.prev, read.seq) != (before.hash, before.seq + 1):
        return Fault(f"entry {before.seq + 1} after {before.hash[:12]}", f"{read.seq} after {read.prev[:12]}")
    return changed(line, read) or read


def changed(line: bytes, read: Bare) -> Fault | None:
    """Return what is wrong if a line has not the hash that it names."""
    now = digest(line.rstrip(b"\n").replace(f'"hash":"{read.hash}"'.encode(), b'"hash":""'))
    return Fault(f"hash {now[:12]}", f"{read.hash[:12]}: the entry was changed") if now != read.hash else None


def parse(line: bytes, path: Path) -> ev.Entry | None:
    """Parse one line of the journal at `path`; None for an unknown event of the same schema.

    Raises UsageError for a journal of another schema, JournalBroken for a line that is not an entry.
    """
    try:
        entry = _decoder.decode(line)
    except msgspec.MsgspecError as error:
        read = bare(line)
        if isinstance(read, Fault):
            raise JournalBroken(
                "the journal has a line that is not an entry",
                expected="one JSON object a line",
                found=str(error),
                remedy="l9 history --verify",
            ) from None
        refuse_other(read.schema, path)
        return None
    refuse_other(entry.schema, path)
    return entry


def refuse_other(schema: str, path: Path) -> None:
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


class Tail(msgspec.Struct, frozen=True):
    """The end of a journal. Offsets in bytes: `whole` lines end there, and `sound` ones.

    `last` is the last sound entry. `fault`: what is wrong with the line between `sound` and `whole`, if there is one;
    only the last line can be unsound alone, and a fault before it is not told from one in the middle.
    """

    whole: int
    sound: int
    last: Bare
    fault: Fault | None = None


def tail(fd: int, size: int) -> Tail:
    """Read the end of a journal file."""
    whole = newline_before(fd, size)
    start = newline_before(fd, whole - 1) if whole else 0
    if not whole:
        return Tail(0, 0, FIRST)
    line = os.pread(fd, whole - start, start)
    before: Bare | Fault = FIRST
    if start:
        above = newline_before(fd, start - 1)
        before = bare(os.pread(fd, start - above, above))
    read = bare(line)
    if isinstance(read, Bare) and read.schema != ev.SCHEMA:
        return Tail(whole, whole, read)  # of another version, which decides by itself
    if isinstance(before, Bare):
        read = follows(line, before)
        if isinstance(read, Fault):
            return Tail(whole, start, before, read)
        return Tail(whole, whole, read)
    # The line above is not an entry either.
    return Tail(whole, whole, read) if isinstance(read, Bare) else Tail(whole, whole, FIRST, read)


def newline_before(fd: int, end: int) -> int:
    """Return the offset after the last newline before `end`, or 0."""
    position = end
    while position > 0:
        start = max(0, position - CHUNK)
        at = os.pread(fd, position - start, start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        position = start
    return 0
