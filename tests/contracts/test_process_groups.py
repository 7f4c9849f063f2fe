"""A process slot is all that the release's first process has started: frozen, woken and ended together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from contracts.processes import ProcessHost
from l9.config.model import Standby
from l9.core.states import Slot
from l9.drivers.process import proc
from l9.drivers.process.runtime import ProcessRuntime

FORKS = "v1.0.0-l9"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ProcessHost]:
    """A release of two processes, the second of which serves, on a host that pauses whatever it is."""
    host = ProcessHost(tmp_path, {FORKS: "forks"})
    host.config = replace(host.config, standby=Standby(mode="pause"))
    host.runtime = ProcessRuntime(host.config, host.layout, host.source)
    host.source.fetch(FORKS)
    host.source.add_tree(FORKS)
    host.runtime.build(FORKS, host.source.tag(FORKS).commit, lambda _line: None)
    host.runtime.start(Slot.BLUE, FORKS)
    try:
        assert answers(host, FORKS)
        yield host
    finally:
        host.close()


def answers(host: ProcessHost, what: str | None, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while host.ask(Slot.BLUE) != what:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def worker(host: ProcessHost) -> int:
    """The process that listens."""
    pid = proc.listener(host.port(Slot.BLUE))
    assert pid
    return pid


def test_workers_are_frozen_and_woken_too(host: ProcessHost) -> None:
    pid = worker(host)
    assert "paused" in host.runtime.pause(Slot.BLUE, FORKS)
    assert proc.paused(pid)
    assert host.ask(Slot.BLUE) is None
    assert "continued" in host.runtime.wake(Slot.BLUE, FORKS)
    assert answers(host, FORKS)
    assert worker(host) == pid


def test_frozen_workers_end_with_the_first_process(host: ProcessHost) -> None:
    pid = worker(host)
    host.runtime.pause(Slot.BLUE, FORKS)
    host.runtime.stop(Slot.BLUE, FORKS)
    assert host.runtime.slots().blue.status == "exited"
    until = time.monotonic() + 5
    while proc.alive(pid, 0) and time.monotonic() < until:
        time.sleep(0.02)
    assert not proc.alive(pid, 0)
