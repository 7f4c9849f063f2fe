"""The grounds to measure on: a test host with real ssh and Docker or, without root, the embedded default."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from e2e.embedded_place import EmbeddedPlace
from e2e.host_place import HostPlace
from hosts.fixtures import BACKEND_REQUIREMENTS
from hosts.host import Host
from hosts.images import postgres_image, python_image
from hosts.network import Network
from l9.config.provisioned import for_instance
from l9.configuration import load
from l9.core.states import Slot
from l9.drivers.git.source import GitSource
from l9.drivers.process.runtime import ProcessRuntime
from l9.protocol.connection import argv as agent_argv

COMMAND_SECONDS = 180.0


@dataclass(frozen=True)
class Pace:
    """The configured waiting times, in seconds."""

    soak: float = 0.0
    bake: float = 0.0
    grace: float = 1.0
    deadline: float = 20.0


@dataclass(frozen=True)
class Done:
    """The result of a command."""

    code: int
    out: str
    err: str
    began: float
    seconds: float

    @property
    def result(self) -> dict[str, Any]:
        """The JSON document in its output."""
        return dict(json.loads(self.out))


class MeasureError(Exception):
    """The measured operation failed, so there is no figure."""


class Ground(Protocol):
    """A repository and a host to deploy to, with access to both from outside."""

    name: str
    work: Path
    url: str
    api_key: str

    def release(self, tag: str, added: str = "") -> None: ...

    def journal(self) -> Path: ...

    def is_ours(self, pid: int) -> bool:
        """True if that process may be the agent of this ground."""
        ...

    def agent(self, request: bytes) -> Done:
        """Query the agent on the host itself, without ssh."""
        ...

    def stop_standby(self) -> None:
        """Stop the standby, as the host's timer does when its time has elapsed."""
        ...

    def set_pace(self, pace: Pace) -> None: ...


# Two releases are deployed in turn, which an invariant would refuse.
IN_TURN = '"host.newer-than-live" = "two releases are deployed in turn, to be measured"'


def with_pace(text: str, pace: Pace) -> str:
    """Return l9.toml with these waiting times and the waivers that measuring needs."""
    if IN_TURN not in text:
        waived = f"[needs]\nwaive = {{ {IN_TURN} }}\n"
        text = text.replace("[needs]\n", waived, 1) if "[needs]\n" in text else f"{waived}\n{text}"
    for key, value in (
        ("soak", pace.soak),
        ("seconds", pace.bake),
        ("grace", pace.grace),
        ("deadline", pace.deadline),
    ):
        text = re.sub(rf"(?m)^{key} = .*$", f"{key} = {value:g}", text, count=1)
    return text


class HostGround(HostPlace):
    """An isolated host in namespaces of this machine, reached over real ssh."""

    name = "host"
    pace = Pace()

    def config(self) -> str:
        return with_pace(super().config(), self.pace)

    def set_pace(self, pace: Pace) -> None:
        self.pace = pace
        (self.work / "l9.toml").write_text(self.config(), encoding="utf-8")

    def is_ours(self, pid: int) -> bool:
        return os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{self.host.pid}/ns/pid")

    def agent(self, request: bytes) -> Done:
        instance = load(self.work).instance
        argv = (str(for_instance(instance).agent), "agent", "--instance", instance)
        return timed(
            lambda: self.host.run(argv, input=request.decode(), check=False, timeout=COMMAND_SECONDS)
        )

    def stop_standby(self) -> None:
        self.host.run(("sh", "-ec", 'docker unpause "$1" && docker stop "$1"', "-", self.standby()))

    def standby(self) -> str:
        """Return the paused standby container."""
        return self.docker("ps", "--quiet", "--filter", "status=paused", "--filter", "label=dev.l9.slot")

    def live(self) -> str:
        """Return the live container."""
        return self.docker("ps", "--quiet", "--filter", "status=running", "--filter", "label=dev.l9.slot")

    def docker(self, *argv: str) -> str:
        """Run docker on the host. Returns its output."""
        return self.host.run(("docker", *argv), timeout=COMMAND_SECONDS).stdout.strip()


class EmbeddedGround(EmbeddedPlace):
    """Real Caddy and PostgreSQL, processes as slots, a pipe in place of ssh; no root and no Docker."""

    name = "embedded"

    def set_pace(self, pace: Pace) -> None:
        file = self.work / "l9.toml"
        file.write_text(with_pace(file.read_text(encoding="utf-8"), pace), encoding="utf-8")
        self.provision(load(self.work))

    def is_ours(self, pid: int) -> bool:
        return os.readlink(f"/proc/{pid}/cwd") == str(self.work)

    def agent(self, request: bytes) -> Done:
        argv = agent_argv(load(self.work))
        return timed(
            lambda: subprocess.run(
                argv,
                input=request.decode(),
                text=True,
                capture_output=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        )

    def stop_standby(self) -> None:
        config = load(self.work)
        runtime = ProcessRuntime(
            config, self.layout, GitSource(self.layout, "main", self.files.allowed_signers)
        )
        for slot in Slot:
            found = runtime.slots()[slot]
            if found.status == "paused" and found.release:
                runtime.stop(slot, found.release)


@contextmanager
def host_ground() -> Iterator[HostGround]:
    """Yield a provisioned host with nothing deployed yet, and remove it at the end."""
    with ExitStack() as stack:
        root = stack.enter_context(_directory())
        images = (python_image([BACKEND_REQUIREMENTS]), postgres_image())
        network = stack.enter_context(Network())
        host = stack.enter_context(Host(network, images=images, caddy=True))
        ground = HostGround(root, host)
        ground.start()
        yield ground


@contextmanager
def embedded_ground() -> Iterator[EmbeddedGround]:
    """Yield the embedded default with nothing deployed yet."""
    with _directory() as root:
        ground = EmbeddedGround(root)
        try:
            ground.start()
            ground.set_pace(Pace())
            yield ground
        finally:
            ground.stop()


@contextmanager
def _directory() -> Iterator[Path]:
    # Not below a private temporary directory: PostgreSQL's user must be able to access it.
    with TemporaryDirectory(prefix="l9-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        root = Path(name)
        root.chmod(0o755)
        yield root


def l9_program() -> tuple[str, ...]:
    """Return the command of the `l9` installed beside this Python."""
    script = Path(sys.executable).with_name("l9")
    return (str(script),) if script.exists() else (sys.executable, "-m", "l9")


def l9(ground: Ground, *args: str, codes: tuple[int, ...] = (0,)) -> Done:
    """Run the command line as an operator would. Raises MeasureError for another exit code."""
    argv = (*l9_program(), *args)
    done = timed(
        lambda: subprocess.run(
            argv, cwd=ground.work, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    )
    if done.code not in codes:
        raise MeasureError(
            f"l9 {' '.join(args)} ended with {done.code}:\n{done.out[-2000:]}{done.err[-2000:]}"
        )
    return done


def timed(run: Callable[[], subprocess.CompletedProcess[str]]) -> Done:
    """Run a command and return its result with its duration."""
    began, start = time.time(), time.perf_counter()
    done = run()
    return Done(done.returncode, done.stdout or "", done.stderr or "", began, time.perf_counter() - start)
