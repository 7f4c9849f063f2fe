"""The journal: the same promises in memory and on the disk, and the same bytes."""

from __future__ import annotations

import hashlib
import random
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from l9.core import actions as do
from l9.core import events as ev
from l9.core.states import Kind, Slot, State
from l9.drivers.files import journal as files_journal
from l9.drivers.files.journal import JournalFile, parse
from l9.drivers.files.journal_lines import FIRST, Tail, tail
from l9.errors import JournalBroken, UsageError
from world.journal import MemoryJournal

Journal = JournalFile | MemoryJournal
NOW = 1_000_000.25
STARTED = ev.RunStarted(
    kind=Kind.DEPLOY, tag="v1.0.0-l9", commit="c" * 40, tag_object="7" * 40, new=Slot.BLUE, old=None,
    previous=None, who="somebody ü", reason="somebody's ü", config_blob="b" * 40,
)  # fmt: skip
ENTERED = ev.GateEntered(gate=State.HOST_READY)
OPENED = ev.GateOpened(gate=State.HOST_READY, evidence=(ev.Evidence(invariant="host.x", found="so"),))
FINISHED = ev.RunFinished(
    outcome=State.SUCCESS, live="v1.0.0-l9", slot=Slot.BLUE, standby=None, exit_code=0, seconds=1.0
)
OF_NO_RUN = ev.TailRepaired(lost_bytes=3)


class Kept:
    """A journal, opened anew as by another process, and changed behind its back."""

    def __init__(self, journal: Journal, again: Callable[[], Journal], file: Path | None) -> None:
        self.journal = journal
        self.again = again
        self._file = file

    def tamper(self, old: bytes, new: bytes) -> None:
        if self._file is None:
            assert isinstance(self.journal, MemoryJournal)
            for number in range(1, len(list(self.journal.entries())) + 1):
                self.journal.tamper(number, old, new)
        else:
            self._file.write_bytes(self._file.read_bytes().replace(old, new))

    def spoil(self, line: bytes) -> None:
        """Somebody adds a line."""
        if self._file is None:
            assert isinstance(self.journal, MemoryJournal)
            self.journal.spoil(line)
        else:
            self._file.parent.mkdir(exist_ok=True)
            with self._file.open("ab") as file:
                file.write(line)

    def aside(self) -> dict[str, bytes]:
        """What was set aside."""
        if self._file is None:
            assert isinstance(self.journal, MemoryJournal)
            return self.journal.file.aside
        return {path.name: path.read_bytes() for path in self._file.parent.glob("*.set-aside-*")}


@pytest.fixture(params=["fake", "real"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    if request.param == "fake":
        journal = MemoryJournal(lambda: NOW)
        return Kept(journal, lambda: journal, None)
    path = tmp_path / "state" / "journal.jsonl"
    return Kept(JournalFile(path, lambda: NOW), lambda: JournalFile(path, lambda: NOW), path)


def write(journal: Journal, *events: ev.AnyEvent, run: str = "run-1") -> list[ev.Entry]:
    return [journal.append(run if not isinstance(e, ev.TailRepaired) else "", e) for e in events]


def test_empty_journal_tells_of_nothing(kept: Kept) -> None:
    journal = kept.journal
    assert list(journal.entries()) == []
    assert list(journal.lines_backward()) == []
    assert journal.last_run() == []
    assert journal.last_finished() is None
    assert (journal.size(), journal.last_run_offset(), journal.verify()) == (0, 0, 0)


def test_it_knows_its_runs(kept: Kept) -> None:
    write(kept.journal, STARTED, FINISHED, run="run-1")
    write(kept.journal, STARTED, run="run-22")
    for journal in (kept.journal, kept.again()):
        assert [journal.knows(run) for run in ("run-1", "run-22", "run-2", "", 'run"', "run-3")] == [
            True, True, False, False, False, False,
        ]  # fmt: skip


def test_it_knows_which_run_wrote_the_record(kept: Kept) -> None:
    record = do.RecordRelease(tag="v1.0.0-l9", commit="c" * 40)
    intended = ev.ActionIntended(gate=State.CLEANUP, step=9, action=record)
    write(kept.journal, STARTED, ENTERED, intended, FINISHED, run="run-1")
    write(kept.journal, STARTED, FINISHED, run="run-2")
    for journal in (kept.journal, kept.again()):
        assert [journal.wrote_record(run) for run in ("run-1", "run-2", "run", "")] == [True, *[False] * 3]


def test_entries_come_back_as_they_were_written(kept: Kept) -> None:
    written = write(kept.journal, STARTED, ENTERED, OPENED, FINISHED)
    read = list(kept.again().entries())
    assert [e.body for e in read] == [STARTED, ENTERED, OPENED, FINISHED]
    assert [(e.seq, e.at, e.run) for e in read] == [(n, NOW, "run-1") for n in range(1, 5)]
    assert [e.hash for e in read] == [e.hash for e in written]


def test_each_entry_carries_the_hash_of_the_one_before(kept: Kept) -> None:
    entries = write(kept.journal, STARTED, ENTERED, OPENED)
    assert [e.prev for e in entries] == ["0" * 64, entries[0].hash, entries[1].hash]
    assert len({e.hash for e in entries}) == 3


def test_another_process_goes_on_with_the_chain(kept: Kept) -> None:
    write(kept.journal, STARTED, ENTERED)
    write(kept.again(), OPENED)
    assert kept.again().verify() == 3


def test_last_run_is_the_newest_one_and_nothing_else(kept: Kept) -> None:
    write(kept.journal, STARTED, FINISHED, OF_NO_RUN)
    write(kept.journal, STARTED, ENTERED, run="run-2")
    write(kept.journal, OF_NO_RUN)
    write(kept.journal, OPENED, run="run-2")
    assert [(e.run, e.body) for e in kept.again().last_run()] == [
        ("run-2", STARTED), ("run-2", ENTERED), ("run-2", OPENED),
    ]  # fmt: skip


def test_newest_end_of_a_run_is_found(kept: Kept) -> None:
    write(kept.journal, STARTED, FINISHED)
    write(kept.journal, STARTED, ENTERED, run="run-2")
    found = kept.again().last_finished()
    assert found is not None
    assert (found.run, found.body) == ("run-1", FINISHED)


def test_runs_of_one_tag_are_found_newest_first(kept: Kept) -> None:
    moved = msgspec.structs.replace(STARTED, tag_object="9" * 40)
    other = msgspec.structs.replace(STARTED, tag="v1.0.0-l9.1", reason=STARTED.tag)
    write(kept.journal, STARTED, FINISHED)
    write(kept.journal, other, FINISHED, run="run-2")
    write(kept.journal, moved, FINISHED, run="run-3")
    assert list(kept.again().starts(STARTED.tag)) == [moved, STARTED]
    assert list(kept.again().starts("v9.9.9-l9")) == []


def test_run_begins_where_the_journal_ended_before_it(kept: Kept) -> None:
    write(kept.journal, STARTED, FINISHED)
    size = kept.journal.size()
    write(kept.journal, STARTED, ENTERED, run="run-2")
    assert kept.again().last_run_offset() == size
    assert kept.again().size() > size


def test_lines_come_newest_first(kept: Kept) -> None:
    write(kept.journal, STARTED, ENTERED, OPENED)
    entries = [parse(line, Path("journal")) for line in kept.again().lines_backward()]
    assert [e.body for e in entries if e] == [OPENED, ENTERED, STARTED]


def test_lines_with_a_mark_come_alone(kept: Kept) -> None:
    write(kept.journal, STARTED, ENTERED, OPENED, FINISHED)
    write(kept.journal, STARTED, ENTERED, run="run-2")
    for mark, bodies in (
        (b'"event":"run-started"', [STARTED, STARTED]),
        (b'"run":"run-1"', [FINISHED, OPENED, ENTERED, STARTED]),
        (b"}", [ENTERED, STARTED, FINISHED, OPENED, ENTERED, STARTED]),
        (b"nowhere", []),
    ):
        entries = [parse(line, Path("journal")) for line in kept.again().lines_backward(mark)]
        assert [e.body for e in entries if e] == bodies, mark


def test_changed_entry_is_found(kept: Kept) -> None:
    write(kept.journal, STARTED, ENTERED, OPENED)
    assert kept.again().verify() == 3
    kept.tamper(b'"found":"so"', b'"found":"no"')
    with pytest.raises(JournalBroken):
        kept.again().verify()


def bad_lines() -> dict[str, bytes]:
    """Last lines that are complete, and not the next entry of a journal of STARTED and ENTERED."""
    other = MemoryJournal(lambda: NOW)
    lines = [msgspec.json.encode(entry) + b"\n" for entry in write(other, STARTED, ENTERED, OPENED)]
    return {
        "no JSON": b"hello\n",
        "empty": b"\n",
        "zeros": bytes(5000) + b"\n",
        "another JSON": b'{"a":1}\n',
        "cut": lines[2][:100] + b"\n",
        "changed": lines[2].replace(b'"found":"so"', b'"found":"no"'),
        "of another chain": lines[1],
        "long": b"x" * 200_000 + b"\n",
    }


@pytest.mark.parametrize("bad", bad_lines().values(), ids=bad_lines())
def test_last_line_that_is_not_the_next_entry_is_set_aside(kept: Kept, bad: bytes) -> None:
    write(kept.journal, STARTED, ENTERED)
    before = kept.journal.last_run_offset()
    kept.spoil(bad)
    reader = kept.again()  # whoever reads meanwhile does not see it
    assert [e.body for e in reader.entries()] == [e.body for e in reader.last_run()] == [STARTED, ENTERED]
    assert len(list(reader.lines_backward())) == 2
    assert reader.last_run_offset() == before
    assert reader.knows("run-1")
    write(kept.again(), OPENED)
    again = kept.again()
    started, entered, told, opened = (e.body for e in again.entries())
    assert (started, entered, opened) == (STARTED, ENTERED, OPENED)
    assert isinstance(told, ev.LineSetAside)
    assert (told.bytes, told.sha256) == (len(bad), hashlib.sha256(bad).hexdigest())
    assert kept.aside() == {told.file: bad}
    assert again.verify() == 4
    assert [e.body for e in again.last_run()] == [STARTED, ENTERED, OPENED]


def test_first_line_may_be_the_bad_one(kept: Kept) -> None:
    kept.spoil(b"hello\n")
    assert list(kept.again().entries()) == []
    write(kept.again(), STARTED)
    assert [type(e.body) for e in kept.again().entries()] == [ev.LineSetAside, ev.RunStarted]
    assert kept.again().verify() == 2


def test_line_is_set_aside_in_mid_run(kept: Kept) -> None:
    """Whoever writes to the file between two entries of one process."""
    write(kept.journal, STARTED)
    kept.spoil(b"echo >> journal.jsonl\n")
    write(kept.journal, ENTERED)
    assert kept.journal.verify() == 3
    assert [e.body for e in kept.again().last_run()] == [STARTED, ENTERED]


def test_both_write_the_very_same_lines(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    boot = ("b007", 12.3456)
    fake = MemoryJournal(lambda: NOW, boot=lambda: boot)
    real = JournalFile(path, lambda: NOW, lambda: boot)
    for journal in (fake, real):
        write(journal, STARTED, ENTERED, OPENED, FINISHED, OF_NO_RUN)
    assert b"".join([*fake.lines_backward()][::-1]) == path.read_bytes()


# ── what only a file can suffer ──────────────────────────────────────────────────────────────────


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_removed_entry_is_found(path: Path) -> None:
    write(JournalFile(path, lambda: NOW), STARTED, ENTERED, OPENED)
    first, _, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + third)
    with pytest.raises(JournalBroken, match="entry 2") as broken:
        JournalFile(path, lambda: NOW).verify()
    shown = subprocess.run(shlex.split(broken.value.remedy), capture_output=True, check=True).stdout
    assert shown == first + third


def test_event_of_a_later_minor_version_is_passed_over(path: Path) -> None:
    write(JournalFile(path, lambda: NOW), STARTED, ENTERED)
    path.write_bytes(path.read_bytes().replace(b'"event":"gate-entered"', b'"event":"gate-admired"'))
    assert [e.body for e in JournalFile(path, lambda: NOW).last_run()] == [STARTED]


def test_newer_schema_is_refused(path: Path) -> None:
    write(JournalFile(path, lambda: NOW), STARTED)
    path.write_bytes(path.read_bytes().replace(ev.SCHEMA.encode(), b"l9.journal/9"))
    for act in (lambda j: j.last_run(), lambda j: j.append("run-2", STARTED), lambda j: list(j.entries())):
        with pytest.raises(UsageError, match="newer l9"):
            act(JournalFile(path, lambda: NOW))


def test_lines_that_are_no_entries_are_an_error(path: Path) -> None:
    path.write_bytes(b"hello\nworld\n")
    for act in (lambda j: j.last_run(), lambda j: j.append("run-2", STARTED), lambda j: list(j.entries())):
        with pytest.raises(JournalBroken):
            act(JournalFile(path, lambda: NOW))
    assert path.read_bytes() == b"hello\nworld\n"
    assert [one.name for one in path.parent.iterdir() if "aside" in one.name] == []


def test_bad_line_in_the_middle_stays_as_it_is(path: Path) -> None:
    journal = JournalFile(path, lambda: NOW)
    write(journal, STARTED, ENTERED, OPENED)
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"{}\n" + second + third)
    before = path.read_bytes()
    write(JournalFile(path, lambda: NOW), FINISHED)
    assert path.read_bytes().startswith(before)
    with pytest.raises(JournalBroken, match="entry 2"):
        JournalFile(path, lambda: NOW).verify()


def test_fragment_after_a_bad_line_is_cut_off_as_well(path: Path) -> None:
    write(JournalFile(path, lambda: NOW), STARTED)
    with path.open("ab") as file:
        file.write(b"hello\n{")
    write(JournalFile(path, lambda: NOW), ENTERED)
    told = [type(e.body) for e in JournalFile(path, lambda: NOW).entries()]
    assert told == [ev.RunStarted, ev.LineSetAside, ev.TailRepaired, ev.GateEntered]
    assert JournalFile(path, lambda: NOW).verify() == 4


def test_crash_between_keeping_a_line_and_cutting_it_off_is_finished(path: Path) -> None:
    write(JournalFile(path, lambda: NOW), STARTED)
    whole = path.read_bytes()
    for _ in range(2):
        path.write_bytes(whole + b"hello\n")
        JournalFile(path, lambda: NOW).repair()
    assert [one.read_bytes() for one in path.parent.glob("*.set-aside-*")] == [b"hello\n"]
    assert JournalFile(path, lambda: NOW).verify() == 2


def test_it_is_not_read_anew_for_each_entry(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, read = JournalFile(path, lambda: NOW), []
    monkeypatch.setattr(files_journal, "tail", lambda fd, size: read.append(size) or tail(fd, size))
    write(journal, STARTED, ENTERED, OPENED, FINISHED)
    assert read == []  # there was no file yet
    write(JournalFile(path, lambda: NOW), STARTED, FINISHED)
    assert len(read) == 1


def test_long_journal_is_read_from_its_end(path: Path) -> None:
    journal = JournalFile(path, lambda: NOW)
    write(journal, STARTED, *[ENTERED] * 600, FINISHED)
    write(journal, msgspec.structs.replace(STARTED, reason="x" * 200_000), run="run-2")
    assert len(JournalFile(path, lambda: NOW).last_run()) == 1
    found = JournalFile(path, lambda: NOW).last_finished()
    assert found is not None
    assert found.seq == 602
    assert len(list(journal.lines_backward())) == len(list(journal.entries())) == 603


@pytest.mark.parametrize("chunk", [1, 2, 7, 64, 1 << 16])
def test_lines_are_whole_wherever_the_file_is_cut(
    path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    numbers = random.Random(chunk)
    lines = [bytes(numbers.choices(b"abm\xff", k=numbers.choice((1, 3, 50)))) + b"\n" for _ in range(60)]
    path.write_bytes(b"".join(lines))
    monkeypatch.setattr(files_journal, "CHUNK", chunk)
    monkeypatch.setattr(files_journal, "tail", lambda _fd, size: Tail(size, size, FIRST))
    journal = JournalFile(path, lambda: NOW)
    for mark in (b"", b"m", b"ab", b"b\xff"):
        wanted = [line for line in reversed(lines) if mark in line.rstrip(b"\n")]
        assert list(journal.lines_backward(mark)) == wanted
        at = {offset: line for line, offset in journal._backward(mark)}
        assert all(path.read_bytes()[offset:].startswith(line) for offset, line in at.items())
        assert len(at) == len(wanted)


def test_runs_of_a_tag_are_found_fast_in_a_hundred_thousand_entries(path: Path) -> None:
    write(JournalFile(path, lambda: NOW), STARTED, ENTERED, OPENED, FINISHED)
    lines = path.read_bytes().splitlines(keepends=True)
    others = [line.replace(b"v1.0.0-l9", b"v1.0.%d-l9" % n) for n in range(1, 25_000) for line in lines]
    path.write_bytes(b"".join([*lines, *others]))
    began = time.perf_counter()
    assert [one.tag for one in JournalFile(path, lambda: NOW).starts(STARTED.tag)] == [STARTED.tag]
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize("added", [b'{"seq":', b"not an entry\n", b""])
def test_write_of_somebody_else_between_look_and_write_harms_no_entry(tmp_path: Path, added: bytes) -> None:
    path, writes = tmp_path / "journal.jsonl", [added] * 2

    def now() -> float:
        """Asked for after the journal's end was looked at."""
        if writes and path.exists():
            text = writes.pop()
            path.open("ab").write(text) if text else path.write_bytes(b"")
        return NOW

    journal = JournalFile(path, now)
    for gate in (State.HOST_READY, State.BAKE, State.CLEANUP):
        journal.append("run-1", ev.GateEntered(gate=gate))
    assert journal.verify() == len(list(journal.entries()))
    assert ev.GateEntered(gate=State.CLEANUP) in [entry.body for entry in journal.entries()]


def test_journal_that_somebody_writes_to_all_the_time_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"

    def now() -> float:
        with path.open("ab") as file:
            file.write(b"{")
        return NOW

    with pytest.raises(JournalBroken, match="all the time"):
        JournalFile(path, now).append("run-1", ev.GateEntered(gate=State.BAKE))
