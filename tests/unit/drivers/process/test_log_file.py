"""A log file read as it grows: real files, written to between the reads."""

from __future__ import annotations

import tracemalloc
from itertools import islice
from pathlib import Path

import pytest

from l9.core.facts import LONGEST_LINE, LogLine, LogsLost
from l9.drivers.process.log_file import FoundLog, LogFileReader, tail


class Written:
    """A file, its reader, and whether the process that writes to it runs."""

    def __init__(self, path: Path) -> None:
        self.path, self.start, self.running = path, 0, True
        self.reader = LogFileReader(lambda: FoundLog(self.path, self.start, self.running))
        self.write(b"")

    def write(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def read(self, most: int | None = None) -> list[str]:
        return [
            line.text if isinstance(line, LogLine) else f"lost: {line.reason}"
            for line in islice(self.reader.read(), most)
        ]


@pytest.fixture
def log(tmp_path: Path) -> Written:
    return Written(tmp_path / "blue.log")


def test_each_read_goes_on_where_the_last_one_was_left(log: Written) -> None:
    log.write(b"one\ntwo\r\n\nthree\n")
    assert log.read(1) == ["one"]
    assert log.read(1) == ["two"]
    log.write(b"four\n")
    assert log.read() == ["", "three", "four"]
    assert log.read() == []


def test_a_line_without_its_end_waits_for_it_while_the_process_runs(log: Written) -> None:
    log.write(b"one\nERR")
    assert log.read() == ["one"]
    log.write(b"OR: two\nthe last wor")
    assert log.read() == ["ERROR: two"]
    log.running = False
    assert log.read() == ["the last wor"]
    assert log.read() == []


def test_any_bytes_are_text(log: Written) -> None:
    log.write(b"\x00\xff\xfe z\xc3\xbc\x0b\x0c\x1c\xe2\x80\xa8 one line\n")
    assert log.read() == ["\x00\ufffd\ufffd zü\x0b\x0c\x1c\u2028 one line"]


@pytest.mark.parametrize(
    "size", [LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1, 3 * LONGEST_LINE, 100_000_000]
)
def test_a_long_line_is_cut_and_the_next_one_is_whole(log: Written, size: int) -> None:
    tracemalloc.start()
    try:
        for _ in range(size // 1_000_000):
            log.write(b"x" * 1_000_000)
        log.write(b"x" * (size % 1_000_000))
        first = log.read()
        log.write(b"y\nnext\n")
        *rest, last = [*first, *log.read()]
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert last == "next"
    assert [len(line) for line in rest] == [min(size + 1, LONGEST_LINE)]
    assert log.read() == []


def test_a_file_that_was_cut_short_lost_lines(log: Written) -> None:
    log.write(b"one\ntwo\n")
    assert log.read() == ["one", "two"]
    log.path.write_bytes(b"new\n")
    assert log.read() == ["lost: its log file was truncated while it was read", "new"]
    assert log.read() == []


def test_a_file_that_is_gone_lost_lines(log: Written) -> None:
    log.path.unlink()
    assert log.read() == ["lost: cannot read its log file: No such file or directory"]


def test_another_file_is_read_from_where_it_counts(log: Written, tmp_path: Path) -> None:
    log.write(b"one\n")
    assert log.read() == ["one"]
    log.path, log.start = tmp_path / "next.log", 4
    log.write(b"old\nnew\n")
    assert log.read() == ["new"]


def test_no_file_has_no_lines() -> None:
    assert list(LogFileReader(lambda: None).read()) == []


def test_the_last_lines(log: Written, tmp_path: Path) -> None:
    assert tail(log.path, 5) == []
    assert tail(tmp_path / "none.log", 5) == []
    log.write(b"".join(b"%d\n" % n for n in range(300_000)) + b"open")
    assert [line.text for line in tail(log.path, 3)] == ["299998", "299999", "open"]
    found = tail(log.path, 1_000_000)
    assert 100_000 < len(found) < 300_000
    assert int(found[0].text) + len(found) == 300_001
    assert not any(isinstance(line, LogsLost) for line in found)
