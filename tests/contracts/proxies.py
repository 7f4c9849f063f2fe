"""The routers that keep the same promises: the simulated one, and a real Caddy with the site that l9 provisions."""

from __future__ import annotations

import os
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contracts.caddy_scene import Scene
from l9.core.ports import Http, Router
from l9.core.states import Slot
from l9.demo.caddy import caddy_binary
from l9.drivers.caddy.site import site
from l9.drivers.http.client import HttpClient
from world.host import CONFIG, World

V1 = "v1.0.0-l9"
# Root without what lets it pass by permissions, as the user is that Caddy has on a server.
UNPRIVILEGED = '#!/bin/sh\nexec setpriv --bounding-set=-dac_override,-dac_read_search {} "$@"\n'


@dataclass
class Proxy:
    """A router with two slots that answer behind it. `hold` sends a request that stays open, and gives its end.

    `deafen`: from now on the proxy goes to blue, whatever the flag says. `hang`: it accepts, and never answers.
    `replace`: somebody else's site is in its place. `blindfold`: its user cannot enter the flag's folder.
    """

    router: Router
    http: Http
    url: str
    kill: Callable[[Slot], None]
    stop: Callable[[], None]
    hold: Callable[[], Callable[[], None]]
    deafen: Callable[[], None]
    hang: Callable[[], None]
    replace: Callable[[], None]
    blindfold: Callable[[], None]

    def ask(self, *, probe: bool = True) -> tuple[int, str | None, str | None]:
        """The status, and which slot and release say that they answered."""
        headers = {"X-L9-Probe": "1"} if probe else {}
        reply = self.http.request("GET", f"{self.url}/health", headers=headers)
        return reply.status, reply.headers.get("x-l9-slot"), reply.headers.get("x-l9-release")

    def settled(self, what: Callable[[], bool]) -> bool:
        """True if the condition becomes true within 5 seconds: a real proxy does not count to the instant."""
        until = time.monotonic() + 5
        while not what() and time.monotonic() < until:
            time.sleep(0.02)
        return what()


def simulated_proxy() -> Proxy:
    world = World()
    machine = world.machine
    for slot in Slot:
        machine.begin(slot, V1)
    world.wait(1)

    def hold() -> Callable[[], None]:
        machine.slow = 3600.0
        return lambda: setattr(machine, "slow", 0.0)

    def put(front: str) -> Callable[[], None]:
        return lambda: setattr(machine, "front", front)

    return Proxy(
        world.router, world.http, CONFIG.route.url, machine.kill, put("nothing"), hold,
        lambda: machine.stick(Slot.BLUE), put("a deaf router"), put("another site"),
        lambda: machine.blindfold(on=True),
    )  # fmt: skip


@contextmanager
def real_proxy(directory: Path) -> Iterator[Proxy]:
    binary = directory / "unprivileged"
    binary.write_text(UNPRIVILEGED.format(shlex.quote(str(caddy_binary()))), encoding="utf-8")
    binary.chmod(0o755)
    scene = Scene(directory, binary if os.geteuid() == 0 else caddy_binary())
    caddy, flags = scene.caddy, scene.layout.route

    def reading(where: Path) -> str:
        return site(
            address=f"http://127.0.0.1:{scene.public}",
            flags=str(where),
            blue=scene.ports[Slot.BLUE],
            green=scene.ports[Slot.GREEN],
            access_log=str(scene.access_log),
        )

    def kill(slot: Slot) -> None:
        scene.backends[slot].shutdown()
        scene.backends[slot].server_close()

    def hold() -> Callable[[], None]:
        asking = threading.Thread(target=scene.ask, args=("/slow",))
        asking.start()

        def end() -> None:
            for server in scene.backends.values():
                server.may_answer.set()  # type: ignore[attr-defined]
            asking.join()

        return end

    def hang() -> None:
        assert caddy.pid is not None
        os.kill(caddy.pid, signal.SIGSTOP)

    def blindfold() -> None:
        flags.chmod(0)

    theirs = f"http://127.0.0.1:{scene.public} {{\n\trespond `not l9` 404\n}}\n"
    try:
        scene.start(reading(flags))
        yield Proxy(
            scene.file_router(), HttpClient(), f"http://127.0.0.1:{scene.public}", kill, caddy.stop, hold,
            lambda: caddy.reload(reading(directory / "elsewhere")), hang, lambda: caddy.reload(theirs), blindfold,
        )  # fmt: skip
    finally:
        flags.chmod(0o755)
        scene.close()
