"""The system clock, for waiting times that nobody can set, and for the record."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STEADY = getattr(
    time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC
)  # the demo also runs where there is no such clock
# Durations of a run must not change when the machine's clock is set: one process counts from its start.
_STARTED = time.time() - time.clock_gettime(_STEADY)


class SystemClock:
    """Seconds since the epoch as of the process's start, and steady from then on."""

    def now(self) -> float:
        return _STARTED + uptime()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))

    def shift(self) -> float:
        return time.time() - self.now()


def uptime() -> float:
    """Return the seconds since the machine was booted, also those in which it slept."""
    return time.clock_gettime(_STEADY)


def booted() -> tuple[str, float]:
    """Return the id of this boot, and the seconds since it."""
    return boot_id(), uptime()


@cache
def boot_id() -> str:
    """Return the id of this boot, in twelve digits; empty if the system has none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip().replace("-", "")[:12]
    except OSError:
        return ""
