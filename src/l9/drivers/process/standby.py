"""The reasons to stop a standby instead of pausing it."""

from __future__ import annotations

from typing import Literal

from l9.drivers.process.proc import working


def why_not_paused(mode: Literal["auto", "pause", "stop"], pid: int) -> str:
    """Return the reason to stop a release instead of pausing it; empty if it may be paused. `pid`: its first process.

    A server with worker processes watches them by the clock: gunicorn that was frozen for longer than its worker
    timeout kills workers when it wakes, and logs WORKER TIMEOUT as critical (measured: 1 or 2 of 2 workers).
    """
    if mode == "pause":
        return ""
    if mode == "stop":
        return "standby.mode is stop"
    count = working(pid)
    if count == 1:
        return ""
    return f"it works in {count} processes" if count else "its processes cannot be seen"
