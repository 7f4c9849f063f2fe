"""Rounds of standby and rollback, side by side for all servers, and what came of them."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from l9.core.facts import SlotState
from l9.demo.caddy import EmbeddedCaddy
from l9.drivers.process.free_port import free_port
from standby.place import V1, V2, Target, Users, succeeded
from standby.servers import Server


@dataclass
class Outcome:
    """What came of one server's rounds. `wrong` are the sentences of what was not as it should be."""

    name: str
    mode: str
    rounds: int = 0
    served: int = 0
    stood: set[str] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    noise: int = 0
    wrong: list[str] = field(default_factory=list)


@contextmanager
def targets(chosen: Sequence[tuple[Server, str]], image: str = "") -> Iterator[list[Target]]:
    """Targets for these servers and modes, each with v2 live and v1 on standby, behind one Caddy.

    image: as in Target.
    """
    root = Path(tempfile.mkdtemp(prefix="l9-standby-", dir="/var/tmp"))
    root.chmod(0o755)
    admin = free_port()
    made = [Target(root / f"{s.name}-{mode}", s, admin, mode, image) for s, mode in chosen]
    caddy: EmbeddedCaddy | None = None
    try:
        caddy = EmbeddedCaddy(root / "caddy", "\n".join(target.prepare() for target in made), admin)
        caddy.start()
        for target in made:
            for tag in (V1, V2):
                assert not (wrong := succeeded(target.deploy(tag))), (target.server.name, wrong, target.log())
        yield made
    finally:
        for target in made:
            target.stop()
        if caddy is not None:
            caddy.stop()
        shutil.rmtree(root, ignore_errors=True)


def play(made: Sequence[Target], seconds: float, rounds: int) -> list[Outcome]:
    """Leave each target on standby for that long, then roll back under load; so many times, side by side."""
    with ThreadPoolExecutor(len(made)) as pool:
        return list(pool.map(lambda target: _play(target, seconds, rounds), made))


def _play(target: Target, seconds: float, rounds: int) -> Outcome:
    outcome = Outcome(target.server.name, target.mode)
    for _ in range(rounds):
        stands = target.standby()
        outcome.stood.add(stands.status)
        if (wrong := _stands_wrong(target.server, target.mode, stands)) is not None:
            outcome.wrong.append(wrong)
        time.sleep(seconds)
        with Users(target.port) as users:
            began = time.monotonic()
            run = target.rollback()
            outcome.seconds.append(time.monotonic() - began)
        outcome.rounds += 1
        outcome.served += users.served
        outcome.wrong += [why for why in (succeeded(run), *users.failed) if why]
    outcome.noise = target.log().count("WORKER TIMEOUT")
    return outcome


def _stands_wrong(server: Server, mode: str, stands: SlotState) -> str | None:
    frozen = server.frozen if mode == "auto" else mode == "pause"
    wanted = "paused" if frozen else "exited"
    return None if stands.status == wanted else f"stands by {stands.status}, not {wanted}"
