"""A rollback from the prompt and a deploy, broken down: what is l9's, and what the floor below it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.delayed import ssh_true
from bench.figures import Figure
from bench.ground import COMMAND_SECONDS, Done, Ground, HostGround, MeasureError, l9_program, timed
from bench.releases import docker_run, idle
from l9.config.provisioned import for_instance
from l9.configuration import load

# Both stamp the time and become the program that they stand for: one before ssh here, one before the agent there.
_STAMP = '#!/bin/bash\necho "$EPOCHREALTIME" > {stamp}\n'
_SSH = _STAMP + 'exec /usr/bin/ssh "$@"\n'


@dataclass(frozen=True)
class Run:
    """One run from the prompt: times in seconds since the epoch, and its journal entries."""

    done: Done
    ssh: float
    agent: float
    entries: list[dict[str, Any]]

    def opened(self, gate: str) -> float:
        """When that gate opened."""
        found = (e for e in self.entries if e["body"]["event"] == "gate-opened" and e["body"]["gate"] == gate)
        return float(next(found)["at"])

    @property
    def started(self) -> float:
        """When the run was on the host's record."""
        return float(next(e["at"] for e in self.entries if e["body"]["event"] == "run-started"))

    @property
    def finished(self) -> float:
        return float(self.entries[-1]["at"])


def rollback_phases(ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Break down `l9 rollback`, beside `ssh HOST true` and an empty Python program in the same minute."""
    if not isinstance(ground, HostGround):
        return []
    found, floors, bare = [], [], []
    with _stamped(ground) as command:
        for number in range(max(runs, 5)):
            say(f"a rollback broken down, {number + 1} of {max(runs, 5)}")
            floors.append(ssh_true(ground))
            bare.append(timed(lambda: _python("-c", "pass")).seconds)
            found.append(command("rollback", idle(ground)))
    walls = tuple(run.done.seconds for run in found)
    above = Figure(
        "rollback.above", "l9 rollback from the prompt, above ssh HOST true", "s", walls, 0.35,
        "ssh HOST true", tuple(floors), "difference",
    )  # fmt: skip
    parts = (
        ("operator", "the prompt: interpreter, l9.toml, until ssh starts", lambda r: r.ssh - r.done.began,
         "python -c pass", tuple(bare)),
        ("ssh", "ssh: connect, log in, start the agent", lambda r: r.agent - r.ssh,
         "ssh HOST true, with its end", tuple(floors)),
        ("agent", "agent: interpreter, request, until the run is on record", lambda r: r.started - r.agent, "", ()),
        ("switch", "wake the standby, judge it, move traffic", lambda r: r.opened("ROUTE-TRAFFIC") - r.started, "", ()),
        ("proof", "proof by answers through the public route",
         lambda r: r.opened("PROOF") - r.opened("ROUTE-TRAFFIC"), "", ()),
        ("drain", "drain the old slot", lambda r: r.opened("DRAIN") - r.opened("PROOF"), "", ()),
        ("standby", "pause the old slot", lambda r: r.opened("SHUTDOWN") - r.opened("DRAIN"), "", ()),
        ("record", "record, checkout, prune", lambda r: r.finished - r.opened("SHUTDOWN"), "", ()),
        ("end", "the end: last lines, public answer, back to the prompt",
         lambda r: r.done.began + r.done.seconds - r.finished, "", ()),
    )  # fmt: skip
    return [above, *(_part("rollback", *part, found) for part in parts)]


def deploy_phases(ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Break down a deploy of a built image by the gates that take longest, beside `docker run` of that image."""
    if not isinstance(ground, HostGround):
        return []
    found, floors = [], []
    with _stamped(ground) as command:
        for number in range(runs):
            say(f"a deploy broken down, {number + 1} of {runs}")
            found.append(command("deploy", idle(ground)))
            floors.append(docker_run(ground))
    parts = (
        ("operator", "gates of workspace and repository, until ssh starts", lambda r: r.ssh - r.done.began, "", ()),
        ("connect", "ssh and agent, until the run is on record", lambda r: r.started - r.ssh, "", ()),
        ("launch", "tag, image, environment, until the slot is launched",
         lambda r: r.opened("BLUE-GREEN-LAUNCH") - r.started, "", ()),
        ("healthy", "until the slot is healthy, smoke and log gates too",
         lambda r: r.opened("GREEN-HEALTHY") - r.opened("BLUE-GREEN-LAUNCH"),
         "docker run to the first 200, launch included", tuple(floors)),
        ("switch", "switch and proof", lambda r: r.opened("PROOF") - r.opened("GREEN-HEALTHY"), "", ()),
        ("drain", "drain", lambda r: r.opened("DRAIN") - r.opened("PROOF"), "", ()),
        ("record", "pause the old slot, record, prune", lambda r: r.finished - r.opened("DRAIN"), "", ()),
        ("end", "the end: last lines, public answer, back to the prompt",
         lambda r: r.done.began + r.done.seconds - r.finished, "", ()),
    )  # fmt: skip
    return [_part("deploy", *part, found) for part in parts]


def _part(
    command: str,
    key: str,
    title: str,
    value: Callable[[Any], float],
    what: str,
    beside: tuple[float, ...],
    found: list[Run],
) -> Figure:
    values = tuple(value(run) for run in found)
    return Figure(f"{command}.part.{key}", title, "s", values, None, what, beside)


@contextmanager
def _stamped(ground: HostGround) -> Iterator[Callable[..., Run]]:
    """Yield what runs a command and reads its stamps; programs in the way cost 1 ms each."""
    shims = ground.root / "shims"
    shims.mkdir(exist_ok=True)
    (shims / "ssh").write_text(_SSH.format(stamp=ground.root / "ssh.stamp"), encoding="utf-8")
    (shims / "ssh").chmod(0o755)
    agent = for_instance(load(ground.work).instance).agent
    launcher = ground.host.path(str(Path(ground.host.run(("realpath", str(agent))).stdout.strip())))
    before = launcher.read_text(encoding="utf-8")
    launcher.write_text(
        before.replace("#!/bin/sh\n", _STAMP.format(stamp="/tmp/agent.stamp")), encoding="utf-8"
    )
    env = {**os.environ, "PATH": f"{shims}:{os.environ['PATH']}"}

    def command(*args: str) -> Run:
        argv = (*l9_program(), *args, "--json")
        done = timed(
            lambda: subprocess.run(
                argv,
                cwd=ground.work,
                env=env,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        )
        if done.code:
            raise MeasureError(
                f"l9 {' '.join(args)} ended with {done.code}:\n{done.out[-2000:]}{done.err[-2000:]}"
            )
        entries = [m["entry"] for m in map(json.loads, done.out.splitlines()) if "entry" in m]
        stamps = (ground.root / "ssh.stamp", ground.host.path("/tmp/agent.stamp"))
        ssh, there = (float(path.read_text(encoding="utf-8")) for path in stamps)
        return Run(done, ssh, there, entries)

    try:
        yield command
    finally:
        launcher.write_text(before, encoding="utf-8")


def _python(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((sys.executable, *args), capture_output=True, text=True, check=True)
