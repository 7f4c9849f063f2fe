"""Processes, memory and listening ports, from /proc."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

_PROC = Path("/proc")


def birth(pid: int) -> int:
    """Return the process's start time in clock ticks since boot; 0 if there is no such process."""
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def alive(pid: int, born: int) -> bool:
    """True if this process runs: not as a zombie, and not as another process with a reused pid."""
    fields = _stat(pid)
    return bool(fields) and fields[0] not in ("Z", "X") and (not born or int(fields[19]) == born)


def paused(pid: int) -> bool:
    """True if the process is stopped by a signal."""
    fields = _stat(pid)
    return bool(fields) and fields[0] == "T"


def send(pid: int, born: int, sign: int) -> None:
    """Send a signal to this process, if it still runs."""
    if pid and alive(pid, born):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)


def group(leader: int) -> list[int]:
    """Return the other processes of the group that this process leads; zombies are left out."""
    found: list[int] = []
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and int(entry.name) != leader:
            fields = _stat(int(entry.name))
            if fields and fields[0] not in ("Z", "X") and int(fields[2]) == leader:
                found.append(int(entry.name))
    return found


def find(marks: dict[str, str]) -> int | None:
    """Return the first process whose environment contains all these variables, or None."""
    wanted = {f"{k}={v}".encode() for k, v in marks.items()}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted <= set((entry / "environ").read_bytes().split(b"\0")) and alive(int(entry.name), 0):
                    return int(entry.name)
    return None


# Programs that start another one and wait for it, and whose time does not matter to it.
WRAPPERS = frozenset(
    (
        "tini",
        "tini-static",
        "dumb-init",
        "docker-init",
        "catatonit",
        "sh",
        "bash",
        "dash",
        "ash",
        "busybox",
        "su-exec",
    )
)


def working(pid: int) -> int:
    """Return how many processes work in the tree below `pid`, itself included: zombies and wrappers are not counted.

    0 if there is no such process.
    """
    children: dict[int, list[int]] = {}
    names: dict[int, str] = {}
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        fields = _stat(int(entry.name))
        if fields and fields[0] not in ("Z", "X"):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            with contextlib.suppress(OSError):
                names[int(entry.name)] = (
                    (entry / "comm").read_text(encoding="utf-8", errors="replace").strip()
                )
    found, todo = 0, [pid]
    while todo:
        one = todo.pop()
        todo += children.get(one, [])
        found += one in names and names[one] not in WRAPPERS
    return found


def memory_available() -> int:
    """Return the bytes of memory available to new programs without swapping."""
    for line in (_PROC / "meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def listener(port: int) -> int | None:
    """Return the pid that listens on the port: 0 if unknown, None if the port is free."""
    inodes = _listening(port)
    if not inodes:
        return None
    names = {f"socket:[{i}]" for i in inodes}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                for fd in (entry / "fd").iterdir():
                    if os.readlink(fd) in names:
                        return int(entry.name)
    return 0


def _listening(port: int) -> set[str]:
    found: set[str] = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    found.add(fields[9])
    return found


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; empty if there is no such process."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def hostname() -> str:
    """Return the machine's host name."""
    return socket.gethostname()
