"""Processes that work, on real trees of processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from l9.drivers.process.proc import working
from l9.drivers.process.standby import why_not_paused

SLEEPS = "import sys; sys.stdout.write('up\\n'); sys.stdout.flush(); sys.stdin.read()"
FORKS = f"import os; pid = os.fork(); {SLEEPS}"
ZOMBIE = (
    f"import os; pid = os.fork() or os._exit(0); os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT); {SLEEPS}"
)


@contextmanager
def running(*argv: str, lines: int = 1) -> Iterator[int]:
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        for _ in range(lines):
            assert process.stdout.readline() == "up\n"
        yield process.pid
    finally:
        process.communicate(timeout=10)


def in_shell(code: str) -> tuple[str, ...]:
    return ("sh", "-c", '"$0" -c "$1"; exit', sys.executable, code)


@pytest.mark.parametrize(
    ("argv", "lines", "count"),
    [
        ((sys.executable, "-c", SLEEPS), 1, 1),
        ((sys.executable, "-c", FORKS), 2, 2),
        (in_shell(SLEEPS), 1, 1),
        (in_shell(FORKS), 2, 2),
        ((sys.executable, "-c", ZOMBIE), 1, 1),
    ],
    ids=["one", "forks", "one-in-a-shell", "forks-in-a-shell", "with-a-zombie"],
)
def test_workers_count_and_wrappers_do_not(argv: tuple[str, ...], lines: int, count: int) -> None:
    with running(*argv, lines=lines) as pid:
        assert working(pid) == count
        assert bool(why_not_paused("auto", pid)) == (count > 1)
        assert why_not_paused("pause", pid) == ""
        assert why_not_paused("stop", pid) == "standby.mode is stop"


def test_what_cannot_be_seen_is_not_paused() -> None:
    assert working(2**22 + 1) == 0
    assert why_not_paused("auto", 2**22 + 1) == "its processes cannot be seen"
