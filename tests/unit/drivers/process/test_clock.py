"""Waiting times do not change when the machine's clock is set."""

from __future__ import annotations

import time

import pytest

from l9.drivers.process.clock import SystemClock, boot_id, uptime


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_setting_the_clock_changes_no_duration_and_is_seen(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    clock = SystemClock()
    before, shift, real = clock.now(), clock.shift(), time.time
    monkeypatch.setattr(time, "time", lambda: real() + seconds)
    assert 0 <= clock.now() - before < 60
    assert abs(clock.shift() - shift - seconds) < 1
    assert SystemClock().now() - before < 60  # one time in a process, however many clocks


def test_it_tells_the_time() -> None:
    assert abs(SystemClock().now() - time.time()) < 2
    assert abs(SystemClock().shift()) < 2


def test_this_boot() -> None:
    assert len(boot_id()) == 12
    assert uptime() > 0
