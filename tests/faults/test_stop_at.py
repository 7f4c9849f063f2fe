"""Holding a run from outside: at the exact entry, only its own process, and never for ever."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from faults.stop_at import StopAt, _entries
from hosts.fixtures import why_not
from l9.core import events as ev
from l9.core.states import State

pytestmark = pytest.mark.host
WRITER = """
import sys
from pathlib import Path
from l9.core import events as ev
from l9.core.states import State
from l9.drivers.files.journal import JournalFile
from l9.drivers.files.lock import LockFile

state = Path(sys.argv[1])
lock, journal = LockFile(state / "lock"), JournalFile(state / "journal.jsonl", lambda: 1.0)
lock.take("test", "writing")
for gate in (State.HOST_READY, State.IMAGES_READY, State.BAKE):
    journal.append("run-1", ev.GateEntered(gate=gate))
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    if reason := why_not():
        pytest.skip(reason)
    (tmp_path / ".l9").mkdir()
    (tmp_path / ".l9/journal.jsonl").touch()
    return tmp_path / ".l9"


def lines(state: Path) -> int:
    return len((state / "journal.jsonl").read_bytes().splitlines())


def at_images_ready(entries: list[ev.Entry]) -> bool:
    return entries[-1].body == ev.GateEntered(gate=State.IMAGES_READY)


def test_run_is_held_after_the_very_entry(state: Path) -> None:
    with StopAt(state, at_images_ready) as stop:
        writer = subprocess.Popen((sys.executable, "-c", WRITER, str(state)))
        assert stop.wait(20, lambda: writer.poll() is not None)
        time.sleep(0.2)
        assert (lines(state), writer.poll()) == (2, None)  # and we may read
        stop.release()
        assert writer.wait(20) == 0
    assert lines(state) == 3


def test_held_run_can_be_killed(state: Path) -> None:
    with StopAt(state, at_images_ready) as stop:
        writer = subprocess.Popen((sys.executable, "-c", WRITER, str(state)))
        assert stop.wait(20, lambda: writer.poll() is not None)
        writer.kill()
        assert writer.wait(5) == -9
    assert lines(state) == 2


def test_run_goes_on_when_nobody_holds_it_any_more(state: Path) -> None:
    with StopAt(state, at_images_ready) as stop:
        writer = subprocess.Popen((sys.executable, "-c", WRITER, str(state)))
        assert stop.wait(20, lambda: writer.poll() is not None)
    assert writer.wait(20) == 0
    assert lines(state) == 3


def test_moment_that_is_never_reached_is_told(state: Path) -> None:
    with StopAt(state, lambda _entries: False) as stop:
        writer = subprocess.Popen((sys.executable, "-c", WRITER, str(state)))
        assert not stop.wait(20, lambda: writer.poll() is not None)
    assert lines(state) == 3


def test_what_a_fault_has_torn_is_no_entry() -> None:
    entry = ev.Entry(seq=1, at=1.0, run="run-1", body=ev.RunAborted(who="ada", why="not today"), prev="")
    whole = msgspec.json.encode(entry)
    assert list(_entries([whole[40:], whole, whole[:40], b"1.5", b"\xff"])) == [entry]
