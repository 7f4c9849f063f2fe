"""The journal: the same promises in memory and on the disk, and the same bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from l9.core import actions as do
from l9.core import events as ev
from l9.core.states import Kind, Slot, State
from l9.drivers.files.journal import JournalFile, parse
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


def test_changed_entry_is_found(kept: Kept) -> None:
    write(kept.journal, STARTED, ENTERED, OPENED)
    assert kept.again().verify() == 3
    kept.tamper(b'"found":"so"', b'"found":"no"')
    with pytest.raises(JournalBroken):
        kept.again().verify()


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


@pytest.mark.parametrize("torn", [b'{"seq":', b"x" * 70_000])
def test_torn_last_line_is_left_out_cut_off_and_noted(path: Path, torn: bytes) -> None:
    journal = JournalFile(path, lambda: NOW)
    write(journal, STARTED, ENTERED)
    with path.open("ab") as file:
        file.write(torn)
    again = JournalFile(path, lambda: NOW)
    assert [e.body for e in again.last_run()] == [STARTED, ENTERED]
    assert [e.body for e in again.entries()] == [STARTED, ENTERED]
    write(again, OPENED)
    bodies = [e.body for e in again.entries()]
    assert bodies == [STARTED, ENTERED, ev.TailRepaired(lost_bytes=len(torn)), OPENED]
    assert again.verify() == 4
    assert [e.body for e in again.last_run()] == [STARTED, ENTERED, OPENED]


def test_removed_entry_is_found(path: Path) -> None:
    write(JournalFile(path, lambda: NOW), STARTED, ENTERED, OPENED)
    first, _, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + third)
    with pytest.raises(JournalBroken, match="entry 2"):
        JournalFile(path, lambda: NOW).verify()


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


def test_line_that_is_no_entry_is_an_error(path: Path) -> None:
    path.write_bytes(b"hello\n")
    with pytest.raises(JournalBroken):
        JournalFile(path, lambda: NOW).last_run()


def test_long_journal_is_read_from_its_end(path: Path) -> None:
    journal = JournalFile(path, lambda: NOW)
    write(journal, STARTED, *[ENTERED] * 600, FINISHED)
    write(journal, msgspec.structs.replace(STARTED, reason="x" * 200_000), run="run-2")
    assert len(JournalFile(path, lambda: NOW).last_run()) == 1
    found = JournalFile(path, lambda: NOW).last_finished()
    assert found is not None
    assert found.seq == 602
    assert len(list(journal.lines_backward())) == len(list(journal.entries())) == 603


def test_runs_of_a_tag_are_found_fast_in_a_hundred_thousand_entries(path: Path) -> None:
    write(JournalFile(path, lambda: NOW), STARTED, ENTERED, OPENED, FINISHED)
    lines = path.read_bytes().splitlines(keepends=True)
    others = [line.replace(b"v1.0.0-l9", b"v1.0.%d-l9" % n) for n in range(1, 25_000) for line in lines]
    path.write_bytes(b"".join([*lines, *others]))
    began = time.perf_counter()
    assert [one.tag for one in JournalFile(path, lambda: NOW).starts(STARTED.tag)] == [STARTED.tag]
    assert time.perf_counter() - began < 2
