"""Name what a test process owns on this machine, and find and remove what a dead one left.

Every name is `l9t-<pid>-<number>`. Processes are known by pid, start time and boot, so that a pid used again
is never taken for ours.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from hosts.images import cache

_numbers = itertools.count()


def new_name() -> str:
    """A name for a link (at most 15 bytes), a directory, a cgroup and a host name."""
    return f"l9t-{os.getpid()}-{next(_numbers)}"


def new_directory(name: str) -> Path:
    """A directory on disk, marked with its owner."""
    directory = cache() / "hosts" / name
    directory.parent.mkdir(mode=0o700, exist_ok=True)
    unborn = directory.with_name(f"new-{name}")  # never seen without its owner, by another run's sweep
    unborn.mkdir()
    (unborn / "owner").write_text(identity(os.getpid()) or "", encoding="utf-8")
    return unborn.rename(directory)


def record(directory: Path, pid: int) -> None:
    """Note the process that holds what `directory` stands for."""
    (directory / "holder").write_text(identity(pid) or "", encoding="utf-8")


def identity(pid: int) -> str | None:
    """The process that has this pid now, told from every other that ever had or will have it."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return f"{pid} {after_name[19]} {boot}"


def is_alive(file: Path) -> int | None:
    """The pid in an identity file, while that very process lives."""
    with suppress(FileNotFoundError, ValueError):
        text = file.read_text(encoding="utf-8")
        pid = int(text.split(" ", 1)[0])
        if identity(pid) == text:
            return pid
    return None


def thaw(name: str) -> None:
    """Let every paused container of a host run on: cgroup v1 keeps a frozen process from ending at all."""
    for state in Path("/sys/fs/cgroup/freezer").glob(f"{name}/**/freezer.state"):
        with suppress(OSError):
            state.write_text("THAWED")


def discard(directory: Path) -> None:
    """Remove a directory, and the cgroups and the link of its name, once nothing runs in them any more."""
    name = directory.name
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    if f"{directory}/" in mounts:
        raise RuntimeError(f"{directory} has mounts in it: not removed")
    if Path(f"/sys/class/net/{name}").exists():
        subprocess.run(("ip", "link", "delete", name), check=False, capture_output=True)
    top = Path("/sys/fs/cgroup")
    for group in (*top.glob(name), *top.glob(f"*/{name}")):
        for folder, _, _ in os.walk(group, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()
    shutil.rmtree(directory, ignore_errors=True)


def sweep() -> list[str]:
    """Remove what test processes left that were killed. Theirs end by themselves; directories do not."""
    swept = []
    for directory in (cache() / "hosts").glob("l9t-*"):
        if is_alive(directory / "owner"):
            continue
        holder = is_alive(directory / "holder")
        if holder:  # its end of the pipe is still open in some forked child
            with suppress(ProcessLookupError):
                os.kill(holder, signal.SIGKILL)
        thaw(directory.name)
        discard(directory)
        swept.append(directory.name)
    return swept
