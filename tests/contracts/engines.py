"""The runtimes that keep the same promises: the simulated engine, and real processes on a host of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from contracts.processes import ProcessHost
from l9.core.ports import Http, Runtime, Source
from l9.core.states import Slot
from l9.drivers.http.client import HttpClient
from world.behaviour import Behaviour, logged
from world.host import World

V1, V2, V3, EXITS, FORKS = (f"v1.{minor}.0-l9" for minor in range(5))


@dataclass
class Engine:
    """A runtime, and what a test does around it. `ask` gives the release that answers in a slot.

    `router` is a router that runs, and its port; `connected` somebody who is connected to a slot past it.
    """

    runtime: Runtime
    source: Source
    another: Callable[[], Runtime]
    ask: Callable[[Slot], str | None]
    kill: Callable[[Slot], None]
    wait: Callable[[float], None]
    now: Callable[[], float]
    take_port: Callable[[Slot], Callable[[], None]]
    log_lines: Callable[[Slot, int], None]
    lose_log: Callable[[Slot], None]
    http: Http
    router: Callable[[], AbstractContextManager[int]]
    connected: Callable[[Slot], AbstractContextManager[object]]

    def build(self, *releases: str) -> None:
        for release in releases:
            self.source.fetch(release)
            self.source.add_tree(release)
            self.runtime.build(release, self.source.tag(release).commit, lambda _line: None)

    def up(self, slot: Slot, release: str) -> None:
        """Start it, and wait until it answers."""
        self.runtime.start(slot, release)
        assert self.becomes(lambda: self.ask(slot) == release)

    def becomes(self, what: Callable[[], bool], seconds: float = 10.0) -> bool:
        for _ in range(int(seconds / 0.05)):
            if what():
                return True
            self.wait(0.05)
        return False

    def seen(self, slot: Slot) -> tuple[str, str | None]:
        state = self.runtime.slots()[slot]
        return state.status, state.release


@contextmanager
def simulated() -> Iterator[Engine]:
    world = World()
    for tag in (V1, V2, V3):
        world.tag(tag, Behaviour(logs=logged(0.05, f"ERROR hello from {tag} with good-day")))
    world.tag(EXITS, Behaviour(starts_in=9, dies_after=0.1, exit_code=3))
    world.tag(FORKS, Behaviour(processes=2))
    machine = world.machine

    def take_port(slot: Slot) -> Callable[[], None]:
        world.runtime.ports_taken = {8000: "a stranger"}
        return world.runtime.ports_taken.clear

    def log_lines(slot: Slot, count: int) -> None:
        proc = machine.slots[slot]
        assert proc is not None
        age = machine.clock.now() - proc.started_at
        noise = logged(age, *(f"noise{n}" for n in range(count)))
        proc.behaviour = replace(proc.behaviour, logs=(*proc.behaviour.logs, *noise))
        world.wait(count / 1000 + 1)

    def lose_log(slot: Slot) -> None:
        proc = machine.slots[slot]
        assert proc is not None
        proc.log_lost = True

    @contextmanager
    def connected(slot: Slot) -> Iterator[None]:
        machine.direct[slot] += 1
        yield
        machine.direct[slot] -= 1

    def ask(slot: Slot) -> str | None:
        return machine.release(slot) if machine.healthy(slot) else None

    yield Engine(
        world.runtime,
        world.source,
        lambda: world.runtime,
        ask,
        machine.kill,
        world.wait,
        world.clock.now,
        take_port,
        log_lines,
        lose_log,
        world.http,
        lambda: nullcontext(0),
        connected,
    )


LISTEN = """
import socket, sys
s = socket.create_server(('127.0.0.1', 0))
print(s.getsockname()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def another_listener() -> Iterator[int]:
    """The port of another process that listens."""
    with subprocess.Popen(
        (sys.executable, "-c", LISTEN), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        yield int(other.stdout.readline())


@contextmanager
def real() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as directory:
        host = ProcessHost(Path(directory), {V1: "", V2: "", V3: "", EXITS: "exits", FORKS: "forks"})

        def take_port(slot: Slot) -> Callable[[], None]:
            stranger = socket.create_server(("127.0.0.1", host.port(slot)))
            return stranger.close

        try:
            yield Engine(
                host.runtime,
                host.source,
                host.another,
                host.ask,
                host.kill,
                time.sleep,
                time.time,
                take_port,
                host.log_lines,
                lambda slot: os.truncate(host.log(slot), 0),
                HttpClient(),
                another_listener,
                lambda slot: socket.create_connection(("127.0.0.1", host.port(slot))),
            )
        finally:
            host.close()
