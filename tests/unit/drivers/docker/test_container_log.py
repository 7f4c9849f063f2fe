"""A container's log as the engine sends it: whole lines, each once, in bounded memory."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l9.core.facts import LONGEST_LINE, LogLine, LogsLost
from l9.drivers.docker.container_log import Cursor, Entry, Stream, entries

STAMP, LATER = "2026-11-23T21:06:06.827266739Z", "2026-11-23T21:06:09Z"
AT, AT_LATER = 1795467966_827266739, 1795467969_000000000


def frame(stream: int, text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def lines(data: bytes, *, tty: bool = False) -> list[LogLine | LogsLost]:
    return [e.line() if isinstance(e, Entry) else e for e in entries(io.BytesIO(data), tty=tty)]


def test_frames() -> None:
    data = (
        frame(1, f"{STAMP} one\n")
        + frame(2, f"{STAMP} zwölf\r\n")
        + frame(1, f"{LATER} \n")
        + frame(1, "bare\n")
        + frame(1, b"2026-11-23T22:06:09+01:00 \xff\x00\n")
    )
    assert lines(data) == [
        LogLine("stdout", "one", AT / 10**9),
        LogLine("stderr", "zwölf", AT / 10**9),
        LogLine("stdout", "", AT_LATER / 10**9),
        LogLine("stdout", "bare", None),
        LogLine("stdout", "\ufffd\x00", AT_LATER / 10**9),
    ]
    assert lines(b"") == []
    assert lines(data[:20]) == [LogLine("stdout", STAMP[:12])]


def test_nanoseconds_are_kept() -> None:
    (entry,) = entries(io.BytesIO(frame(1, f"{STAMP} one\n")), tty=False)
    assert isinstance(entry, Entry)
    assert entry.at == AT


def test_a_long_line_comes_in_pieces_that_other_lines_get_between() -> None:
    pieces = (
        frame(1, f"{STAMP} aa"),
        frame(2, f"{STAMP} err\n"),
        frame(1, f"{STAMP} bb"),
        frame(1, f"{LATER} cc\n"),
    )
    assert lines(b"".join(pieces)) == [
        LogLine("stderr", "err", AT / 10**9),
        LogLine("stdout", "aabbcc", AT / 10**9),
    ]
    (entry,) = entries(io.BytesIO(pieces[0]), tty=False)
    assert entry == Entry("stdout", AT, b"aa", ends=False)


def test_a_terminal_has_no_frames() -> None:
    data = f"{STAMP} aa{STAMP} bb\r\n{LATER} two\r\n".encode()
    assert lines(data, tty=True) == [
        LogLine("stdout", "aabb", AT / 10**9),
        LogLine("stdout", "two", AT_LATER / 10**9),
    ]


def test_what_the_engine_says_of_its_own_is_no_line_of_the_log() -> None:
    data = frame(1, f"{STAMP} one\n") + frame(3, "Error grabbing logs: invalid character '\\x00'\n")
    assert lines(data) == [
        LogLine("stdout", "one", AT / 10**9),
        LogsLost("the engine cannot read its log: Error grabbing logs: invalid character '\\x00'"),
    ]


class Endless:
    """A body of so many bytes that nobody holds."""

    def __init__(self, begins: bytes, middle: bytes, repeated: int, ends: bytes) -> None:
        self._parts = self._all(begins, middle, repeated, ends)
        self._left = b""

    def _all(self, begins: bytes, middle: bytes, repeated: int, ends: bytes) -> Iterator[bytes]:
        yield begins
        for _ in range(repeated):
            yield middle
        yield ends

    def read(self, size: int) -> bytes:
        while len(self._left) < size and (part := next(self._parts, b"")):
            self._left += part
        data, self._left = self._left[:size], self._left[size:]
        return data

    def readline(self, limit: int) -> bytes:
        data = self.read(limit)
        line, end, rest = data.partition(b"\n")
        self._left = rest + self._left
        return line + end


MEGABYTE = b"x" * 1_000_000
HUGE = (100_000_000 + len(STAMP) + 2).to_bytes(4, "big")
PIECE = frame(1, f"{STAMP} {'x' * 16_384}")


@pytest.mark.parametrize(
    ("begins", "middle", "repeated", "ends", "tty"),
    [
        (b"\x01\0\0\0" + HUGE + f"{STAMP} ".encode(), MEGABYTE, 100, b"\n", False),
        (frame(1, f"{STAMP} x"), PIECE, 6000, frame(1, f"{STAMP} x\n"), False),
        (f"{STAMP} x".encode(), MEGABYTE, 100, b"\n", True),
    ],
    ids=["one frame", "many frames", "terminal"],
)
def test_a_hundred_megabytes_in_one_line(
    begins: bytes, middle: bytes, repeated: int, ends: bytes, tty: bool
) -> None:
    after = f"{LATER} next\n"
    body = Endless(begins, middle, repeated, ends + (after.encode() if tty else frame(1, after)))
    tracemalloc.start()
    try:
        first, second = entries(body, tty=tty)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert isinstance(first, Entry)
    assert LONGEST_LINE - 100 <= len(first.text) <= LONGEST_LINE
    assert second == Entry("stdout", AT_LATER, b"next\n", ends=True)


# ── the place where reading goes on ──────────────────────────────────────────────────────────────


class Log:
    """One stream of a container as the engine keeps it: lines from a time on, with those of that very time."""

    def __init__(self) -> None:
        self.kept: list[Entry] = []
        self.cursor = Cursor(1.0)

    def write(self, at: int, text: bytes, *, ends: bool = True) -> None:
        self.kept.append(Entry("stdout", at, text, ends))

    def read(self, most: int = 1_000, *, running: bool = True) -> list[bytes | LogsLost]:
        seconds, _, rest = self.cursor.since.partition(".")
        since = int(seconds) * 1_000_000_000 + int(rest)
        found: list[bytes | LogsLost] = []
        for entry in self.cursor.new([e for e in self.kept if e.at >= since], running=running):
            if isinstance(entry, Entry):
                self.cursor.took(entry)
            found.append(entry.text if isinstance(entry, Entry) else entry)
            if len(found) == most:
                break
        return found


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3))))
def test_each_line_is_read_once_however_often_and_far_one_reads(steps: list[tuple[int, int]]) -> None:
    """Lines of one nanosecond among them, and looks that are left before their end."""
    log, at, got = Log(), 1_000_000_000, []
    for later, most in steps:
        at += later
        log.write(at, str(len(log.kept)).encode())
        got += log.read(most) if most else []
    assert got + log.read() == [entry.text for entry in log.kept]
    assert log.read() == []


def test_lines_from_before_are_not_asked_for() -> None:
    assert Cursor(1795467966.5).since == "1795467966.500000000"
    assert Cursor(0.0).since == "0.000000000"


def test_a_line_without_its_end_waits_for_it_while_the_container_runs() -> None:
    log = Log()
    log.write(AT, b"one\n")
    log.write(AT, b"tw", ends=False)
    assert log.read() == [b"one\n"]
    log.kept[-1] = Entry("stdout", AT, b"two\n", ends=True)
    assert log.read() == [b"two\n"]
    log.write(AT_LATER, b"the last wor", ends=False)
    assert log.read() == []
    assert log.read(running=False) == [b"the last wor"]
    assert log.read(running=False) == []


@pytest.mark.parametrize("after", [0, 1, 30])
def test_lines_that_were_rotated_away_are_lost(after: int) -> None:
    log = Log()
    log.write(AT, b"one\n")
    assert log.read() == [b"one\n"]
    log.kept.clear()
    for number in range(after):
        log.write(AT_LATER + number, b"more\n")
    assert log.read() == [
        LogsLost("lines of its log were rotated away before they were read"),
        *[b"more\n"] * after,
    ]
    assert log.read()[1:] == []


def test_a_clock_that_was_set_back_repeats_no_line() -> None:
    log = Log()
    for at in (5, 6, 4, 6, 7):
        log.write(AT + at, b"%d\n" % at)
    assert log.read(3) == [b"5\n", b"6\n", b"4\n"]
    assert log.read() == [b"6\n", b"7\n"]
    assert log.read() == []


def test_what_has_no_time_is_passed_on() -> None:
    log, lost = Log(), LogsLost("the engine says so")
    log.write(AT, b"one\n")
    stream: Stream = "stdout"
    bare = Entry(stream, 0, b"bare\n", ends=True)
    assert list(log.cursor.new([bare, lost, *log.kept], running=True)) == [bare, lost, *log.kept]
    log.cursor.took(bare)
    assert log.read() == [b"one\n"]
