"""The journal and the lock where the machine, or somebody, broke them: the same in memory and on the disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.broken_files import disk, immutable, remount
from contracts.test_ports_journal import ENTERED, FINISHED, NOW, OPENED, STARTED, Journal, bad_lines, write
from l9.core import events as ev
from l9.drivers.files.journal import JournalFile
from l9.drivers.files.lock import LockFile
from l9.host.disk import refused_by_host
from world.journal import MemoryJournal, MemoryLock, read_only

TORN = b'{"seq":'
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")


@dataclass
class Broken:
    """A journal and its lock. `opened`: as another process opens the journal. `on_disk`: all bytes that are kept.

    `cut`: only so many entries are left. `refusing`: nothing can be written, while it lasts, with this error.
    """

    opened: Callable[[], Journal]
    tear: Callable[[bytes], object]
    spoil: Callable[[bytes], object]
    cut: Callable[[int], None]
    forget: Callable[[], None]
    on_disk: Callable[[], object]
    lock: LockFile | MemoryLock
    disk_read_only: Callable[[], AbstractContextManager[object]]
    file_read_only: Callable[[], AbstractContextManager[object]]


@contextmanager
def simulated() -> Iterator[Broken]:
    journal, lock = MemoryJournal(lambda: NOW), MemoryLock()

    @contextmanager
    def refusing(error: OSError, *, all_of_it: bool) -> Iterator[None]:
        journal.file.refuses = error
        lock.refuses = error if all_of_it else None
        yield
        journal.file.refuses = lock.refuses = None

    yield Broken(
        lambda: journal.opened(lambda: NOW),
        lambda torn: setattr(journal.file, "torn", len(torn)),
        journal.spoil,
        journal.restore,
        journal.forget,
        lambda: ([*journal.file.lines], journal.file.torn, {**journal.file.aside}),
        lock,
        lambda: refusing(read_only(), all_of_it=True),
        lambda: refusing(PermissionError(errno.EPERM, "Operation not permitted"), all_of_it=False),
    )


def on(directory: Path, disk_read_only: Callable[[], AbstractContextManager[object]]) -> Broken:
    path = directory / "journal.jsonl"

    def add(data: bytes) -> None:
        with path.open("ab") as file:
            file.write(data)

    def cut(entries: int) -> None:
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:entries]))

    def on_disk() -> object:
        return {one.name: one.read_bytes() for one in directory.iterdir() if one.name != "journal.reserve"}

    return Broken(
        lambda: JournalFile(path, lambda: NOW), add, add, cut, path.unlink, on_disk,
        LockFile(directory / "lock"), disk_read_only, lambda: immutable(path),
    )  # fmt: skip


@contextmanager
def real() -> Iterator[Broken]:
    with disk() as directory:

        @contextmanager
        def refusing() -> Iterator[None]:
            remount(directory, "ro")
            try:
                yield
            finally:
                remount(directory, "rw")

        yield on(directory, refusing)


@pytest.fixture(params=[simulated, pytest.param(real, marks=needs_root)])
def broken(request: pytest.FixtureRequest) -> Iterator[Broken]:
    make: Callable[[], AbstractContextManager[Broken]] = request.param
    with make() as made:
        write(made.opened(), STARTED, ENTERED)
        yield made


@pytest.fixture(params=["disk_read_only", "file_read_only"])
def refusing(request: pytest.FixtureRequest, broken: Broken) -> AbstractContextManager[object]:
    if request.param == "disk_read_only":
        return broken.disk_read_only()
    return broken.file_read_only()


def bodies(broken: Broken) -> list[ev.AnyEvent]:
    return [entry.body for entry in broken.opened().entries()]


# ── the end of the file ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("torn", [TORN, b"x" * 70_000])
def test_torn_last_line_is_left_out_cut_off_and_noted(broken: Broken, torn: bytes) -> None:
    size = broken.opened().size()
    broken.tear(torn)
    reader = broken.opened()  # who only reads does not see it, and changes nothing
    assert [e.body for e in reader.last_run()] == bodies(broken) == [STARTED, ENTERED]
    assert (reader.size(), reader.verify(), reader.last_run_offset()) == (size + len(torn), 2, 0)
    again = broken.opened()
    write(again, OPENED)
    assert bodies(broken) == [STARTED, ENTERED, ev.TailRepaired(lost_bytes=len(torn)), OPENED]
    assert again.verify() == 4
    assert [e.body for e in broken.opened().last_run()] == [STARTED, ENTERED, OPENED]


def test_line_is_torn_between_two_entries_of_one_process(broken: Broken) -> None:
    journal = broken.opened()
    write(journal, OPENED)
    broken.tear(TORN)
    write(journal, FINISHED)
    assert bodies(broken) == [STARTED, ENTERED, OPENED, ev.TailRepaired(lost_bytes=len(TORN)), FINISHED]
    assert broken.opened().verify() == 5


def test_spoiled_line_and_a_torn_one_after_it_are_both_on_record(broken: Broken) -> None:
    broken.spoil(b"hello\n")
    broken.tear(TORN)
    write(broken.opened(), OPENED)
    told = [type(body) for body in bodies(broken)]
    assert told == [ev.RunStarted, ev.GateEntered, ev.LineSetAside, ev.TailRepaired, ev.GateOpened]
    assert broken.opened().verify() == 5


@pytest.mark.parametrize("by_this_process", [True, False])
@pytest.mark.parametrize("left", [1, 2])
def test_cut_journal_goes_on_where_it_was_cut(broken: Broken, left: int, by_this_process: bool) -> None:
    """A copy of it was put back, while a process has it open, or before one opens it."""
    before = [e.hash for e in broken.opened().entries()][:left]
    writer = broken.opened()
    write(writer, OPENED, FINISHED)
    write(writer, STARTED, run="run-2")
    broken.cut(left)
    again = broken.opened()
    assert [e.hash for e in again.entries()] == before
    assert (again.last_finished(), again.knows("run-2"), again.verify()) == (None, False, left)
    entry = write(writer if by_this_process else again, FINISHED)[0]
    assert (entry.seq, entry.prev) == (left + 1, before[-1])
    assert broken.opened().verify() == left + 1
    assert [e.body for e in broken.opened().last_run()] == [*[STARTED, ENTERED][:left], FINISHED]


@pytest.mark.parametrize("by_this_process", [True, False])
def test_journal_that_is_gone_begins_anew(broken: Broken, by_this_process: bool) -> None:
    writer = broken.opened()
    write(writer, OPENED)
    broken.forget()
    assert (bodies(broken), broken.opened().size(), broken.opened().last_run()) == ([], 0, [])
    entry = write(writer if by_this_process else broken.opened(), STARTED, run="run-2")[0]
    assert (entry.seq, entry.prev) == (1, "0" * 64)
    assert broken.opened().verify() == 1


# ── nothing can be written ───────────────────────────────────────────────────────────────────────


def refused(act: Callable[[], object], what: str) -> None:
    """It is refused by the host, with the cause and the file by name, and a command that shows why."""
    with pytest.raises(OSError, match=r"Read-only file system|Operation not permitted") as caught:
        act()
    error = refused_by_host(caught.value)
    assert (error.exit_code, error.message) == (3, "a file operation failed on the host")
    assert what in error.found
    assert error.remedy.split()[0] == {errno.EROFS: "findmnt", errno.EPERM: "lsattr"}[caught.value.errno or 0]


def test_read_only_journal_is_read_and_refuses_each_write(
    broken: Broken, refusing: AbstractContextManager[object]
) -> None:
    writer, before = broken.opened(), broken.on_disk()
    write(writer, OPENED)
    before = broken.on_disk()
    with refusing:
        assert bodies(broken) == [STARTED, ENTERED, OPENED]
        assert broken.opened().verify() == 3
        for journal in (writer, broken.opened()):
            refused(lambda journal=journal: journal.append("run-1", FINISHED), "journal.jsonl")  # type: ignore[misc]
            refused(journal.repair, "journal.jsonl")
        assert broken.on_disk() == before
    write(writer, FINISHED)
    assert bodies(broken) == [STARTED, ENTERED, OPENED, FINISHED]
    assert broken.opened().verify() == 4


@pytest.mark.parametrize("spoiled", [TORN, bad_lines()["no JSON"]])
def test_nothing_is_half_repaired_in_a_read_only_journal(
    broken: Broken, refusing: AbstractContextManager[object], spoiled: bytes
) -> None:
    (broken.spoil if spoiled.endswith(b"\n") else broken.tear)(spoiled)
    before = broken.on_disk()
    with refusing:
        refused(broken.opened().repair, "journal.jsonl")
        assert broken.on_disk() == before
        assert bodies(broken) == [STARTED, ENTERED]
    write(broken.opened(), OPENED)
    assert broken.opened().verify() == 4


def test_journal_that_is_sound_is_not_looked_at_again_by_its_writer(
    broken: Broken, refusing: AbstractContextManager[object]
) -> None:
    writer = broken.opened()
    write(writer, OPENED)
    with refusing:
        writer.repair()


def test_first_entry_on_a_read_only_disk_is_refused_and_leaves_no_file(broken: Broken) -> None:
    broken.forget()
    before = broken.on_disk()
    with broken.disk_read_only():
        journal = broken.opened()
        journal.repair()
        refused(lambda: journal.append("run-1", STARTED), "journal.jsonl")
        assert broken.on_disk() == before
    write(journal, STARTED)
    assert broken.opened().verify() == 1


def test_lock_on_a_read_only_disk_is_refused_and_held_by_nobody(broken: Broken) -> None:
    for _ in range(2):  # where there is no lock's file yet, and where there is one
        with broken.disk_read_only():
            refused(lambda: broken.lock.take("ada", "deploy"), "lock")
            assert broken.lock.holder() is None
            broken.lock.free()
        broken.lock.take("ada", "deploy")
        assert broken.lock.holder() is not None
        broken.lock.free()
