"""The lock: one run on a host at a time, named to whoever has to wait, and gone with its holder."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from l9.drivers.files.lock import LockFile
from l9.errors import Locked

HOLD = """
import sys, time
from pathlib import Path
from l9.drivers.files.lock import LockFile
lock = LockFile(Path(sys.argv[1]))
lock.take("alice", "deploy v1.0.0-l9")
print("held", flush=True)
if sys.stdin.readline():
    lock.free()
    print("freed", flush=True)
time.sleep(60)
"""


@contextmanager
def held_by_another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        (sys.executable, "-c", HOLD, str(path)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
    finally:
        child.kill()
        child.communicate()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "lock"


def test_nobody_holds_what_was_never_taken(path: Path) -> None:
    assert LockFile(path).holder() is None


def test_holder_is_named(path: Path) -> None:
    lock = LockFile(path)
    lock.take("bob", "rollback")
    holder = LockFile(path).holder()
    assert holder is not None
    assert (holder.who, holder.what, holder.pid) == ("bob", "rollback", os.getpid())
    assert abs(time.time() - holder.since) < 10
    lock.free()
    assert LockFile(path).holder() is None


def test_second_run_is_refused_and_told_of_the_first(path: Path) -> None:
    with held_by_another_process(path) as child:
        with pytest.raises(Locked) as refused:
            LockFile(path).take("bob", "rollback")
        assert "deploy v1.0.0-l9" in refused.value.message
        assert "alice" in refused.value.found
        assert str(child.pid) in refused.value.found
        assert refused.value.exit_code == 6


def test_lock_dies_with_its_holder(path: Path) -> None:
    """`kill -9`, and no person has to release it."""
    with held_by_another_process(path) as child:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert LockFile(path).holder() is None
        lock = LockFile(path)
        lock.take("bob", "rollback")
        lock.free()


def test_waiting_ends_when_the_lock_is_given_back(path: Path) -> None:
    with held_by_another_process(path) as child:
        assert child.stdin is not None
        threading.Timer(0.1, lambda: (child.stdin.write("go\n"), child.stdin.flush())).start()  # type: ignore[union-attr]
        lock = LockFile(path)
        lock.take("bob", "rollback", wait=20)
        holder = LockFile(path).holder()
        assert holder is not None
        assert holder.who == "bob"
        lock.free()


def test_waiting_ends_when_its_time_is_over(path: Path) -> None:
    with held_by_another_process(path):
        began = time.monotonic()
        with pytest.raises(Locked):
            LockFile(path).take("bob", "rollback", wait=0.2)
        assert 0.2 <= time.monotonic() - began < 5


def test_child_processes_do_not_inherit_the_lock(path: Path) -> None:
    """A slot's process outlives the run that started it."""
    lock = LockFile(path)
    lock.take("bob", "deploy")
    child = subprocess.Popen((sys.executable, "-c", "import time; time.sleep(60)"), close_fds=False)
    try:
        lock.free()
        LockFile(path).take("alice", "deploy")
    finally:
        child.kill()
        child.wait()


def test_looking_never_keeps_a_run_from_starting(path: Path) -> None:
    """`l9 status` at the very moment: a look takes a shared lock for an instant."""
    lock = LockFile(path)
    lock.take("bob", "deploy")
    lock.free()
    looking = os.open(path, os.O_RDWR)
    fcntl.flock(looking, fcntl.LOCK_SH)
    threading.Timer(0.03, lambda: os.close(looking)).start()
    lock.take("bob", "deploy")
    lock.free()


def test_giving_back_what_is_not_held_does_nothing(path: Path) -> None:
    LockFile(path).free()
