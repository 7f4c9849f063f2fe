"""CPU seconds and bytes over the wire of a command: on the operator's machine, and on the host."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.figures import Figure
from bench.ground import Ground, HostGround, l9
from bench.releases import idle

ACCOUNTS = Path("/sys/fs/cgroup/cpuacct")  # of cgroup v1
NETWORK = Path("/sys/class/net")


def costs(ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure status, rollback and deploy. Whatever a login starts on the host counts as the host's."""
    if not isinstance(ground, HostGround):
        return []
    found: dict[tuple[str, str], list[float]] = {}
    with _account(ground) as host_seconds:
        for run in range(runs):
            for name in ("status", "rollback", "deploy"):
                say(f"CPU and bytes of l9 {name}, {run + 1} of {runs}")
                tag = (idle(ground),) if name != "status" else ()
                before = (own_seconds(), host_seconds(), _wire(ground))
                l9(ground, name, *tag, "--json")
                after = (own_seconds(), host_seconds(), _wire(ground))
                for what, was, now in zip(("operator", "host", "bytes"), before, after, strict=True):
                    found.setdefault((name, what), []).append((now - was) / (1000 if what == "bytes" else 1))
    titles = {
        "operator": ("s", "CPU of l9 {}, here, ssh and git too"),
        "host": ("s", "CPU of l9 {}, on the host, without the engine's"),
        "bytes": ("kB", "over the wire for l9 {}, both ways, git and probes too"),
    }
    return [
        Figure(f"cost.{name}.{what}", title.format(name), unit, tuple(found[name, what]))
        for what, (unit, title) in titles.items()
        for name in ("status", "rollback", "deploy")
        if any(found[name, what])
    ]


def own_seconds() -> float:
    """CPU seconds of this process's children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wire(ground: HostGround) -> float:
    """Bytes that passed between here and all hosts of this run."""
    counts = NETWORK / ground.host.network.name / "statistics"
    return float(sum(int((counts / name).read_text()) for name in ("rx_bytes", "tx_bytes")))


@contextmanager
def _account(ground: HostGround) -> Iterator[Callable[[], float]]:
    """Move the host's sshd to an account of its own: all that it starts from now on is in it."""
    if not (ACCOUNTS / "cpuacct.usage").exists():
        yield lambda: 0.0  # no such accounts on this kernel: no figure
        return
    account = ACCOUNTS / f"l9-bench-{os.getpid()}"
    account.mkdir()
    pid = int(ground.host.run(("cat", "/run/sshd.pid")).stdout)
    try:
        _move(ground, account, pid)
        yield lambda: int((account / "cpuacct.usage").read_text()) / 1e9
    finally:
        for one in (account / "cgroup.procs").read_text().split():
            with suppress(OSError):  # it has ended
                (ACCOUNTS / "cgroup.procs").write_text(one)
        with suppress(OSError):
            account.rmdir()


def _move(ground: HostGround, account: Path, pid: int) -> None:
    """Move a process of the host, by its number there, and what it has started."""
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError, StopIteration):  # it has ended
            names = next(
                line for line in status.read_text().splitlines() if line.startswith("NSpid:")
            ).split()
            if ground.is_ours(int(names[1])) and names[-1] == str(pid):
                (account / "cgroup.procs").write_text(names[1])
