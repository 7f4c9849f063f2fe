"""The same commands to a host that is 80 ms away: how many round trips a command waits for."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from bench.figures import Figure
from bench.ground import Ground, HostGround, l9, timed
from bench.releases import idle
from hosts.relay import Relay, ssh_through

ROUND_TRIP = 0.080
NOTE = "ssh, also git's to origin, through a relay in user space; the public answer at the end comes directly"


def delayed(ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure status, rollback and deploy over a link with 80 ms of delay, compared with `ssh HOST true` over it."""
    if not isinstance(ground, HostGround):
        return []
    times: dict[str, list[float]] = {}
    with Relay((ground.host.address, 22), ROUND_TRIP) as relay, ssh_through(ground.host, relay.port):
        for run in range(runs):
            for name in ("status", "rollback", "deploy"):
                say(f"{name} over 80 ms, {run + 1} of {runs}")
                times.setdefault(f"{name}.floor", []).append(ssh_true(ground))
                tag = (idle(ground),) if name != "status" else ()
                times.setdefault(name, []).append(l9(ground, name, *tag, "--json").seconds)
    return [
        Figure(
            f"delay.{name}", f"l9 {name}, 80 ms away", "s", tuple(times[name]), target,
            "ssh HOST true over the same link", tuple(times[f"{name}.floor"]), "difference", NOTE,
        )
        for name, target in (("status", 0.5), ("rollback", 0.6), ("deploy", None))
    ]  # fmt: skip


def ssh_true(ground: HostGround) -> float:
    """Return the seconds of `ssh HOST true`: the floor of every command that asks the host."""
    argv = (*ground.host.ssh, "true")
    return timed(lambda: subprocess.run(argv, capture_output=True, text=True, check=True)).seconds
