"""Established TCP connections to a port, and whose they are, from the kernel's tables."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

ESTABLISHED, LISTEN = "01", "0A"
HERE = Path("/proc/net")
_V4_IN_V6 = bytes(10) + b"\xff\xff"

End = tuple[bytes, int]


class Socket(NamedTuple):
    """One line of /proc/net/tcp or tcp6. Addresses are in network order, those of IPv4 in IPv6 as IPv4."""

    local: End
    remote: End
    state: str
    uid: int
    inode: str


def sockets(net: Path = HERE) -> tuple[Socket, ...]:
    """Return the sockets in the tables below `net`; none from a table that cannot be read."""
    found: list[Socket] = []
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            found += parse((net / table).read_text(encoding="ascii"))
    return tuple(found)


def parse(text: str) -> Iterable[Socket]:
    """Yield the sockets of one table; its first line holds the names of the columns."""
    for line in text.splitlines()[1:]:
        fields = line.split()
        yield Socket(_end(fields[1]), _end(fields[2]), fields[3], int(fields[7]), fields[9])


def past_the_router(port: int, router: int, container: tuple[int, int] | None = None) -> int | None:
    """Return how many established connections to a port on this machine are not the router's; None if unknown.

    The router is the process that listens on the port `router`. `container`: the first process of a container that
    serves on the port, and the port inside: connections that do not come through this machine's port count as well.
    """
    here = sockets()
    listening = [one for one in here if one.state == LISTEN and one.local[1] == router]
    if not listening:
        return None
    established = [one for one in here if one.state == ESTABLISHED]
    uid, inodes = listening[0].uid, _held_with(frozenset(one.inode for one in listening))

    def of_router(one: Socket) -> bool:
        return one.uid == uid and (inodes is None or one.inode in inodes)

    ends = {(one.local, one.remote): one for one in established}
    servers = [one for one in established if one.local[1] == port]
    clients = [ends.get((one.remote, one.local)) for one in servers]
    others = sum(client is None or not of_router(client) for client in clients)
    if container is None:
        return others
    inside = sockets(Path(f"/proc/{container[0]}/net"))
    if not inside:
        return None
    if {one.inode for one in inside} & {one.inode for one in listening}:
        return others  # it uses the machine's own network
    foreign = sum(
        one.state == ESTABLISHED
        and one.local[1] == container[1]
        and not _loopback(one.remote)
        and (one.remote, one.local) not in ends
        for one in inside
    )
    # Without docker-proxy the kernel rewrites the router's connections, so that neither side knows the other's address.
    rewritten = sum(
        one.remote[1] == port and of_router(one) and (one.remote, one.local) not in ends
        for one in established
    )
    return others + max(0, foreign - rewritten)


def _end(text: str) -> End:
    address, port = text.split(":")
    words = [bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)]
    return b"".join(words).removeprefix(_V4_IN_V6), int(port, 16)


def _loopback(end: End) -> bool:
    return end[0][:1] == b"\x7f" if len(end[0]) == 4 else end[0] == bytes(15) + b"\x01"


def _held_with(listening: frozenset[str]) -> frozenset[str] | None:
    """Return the inodes of all sockets of the process that holds one of these; None if it cannot be seen."""
    folder = _holder(listening)
    held = _links(folder) if folder else frozenset()
    inodes = frozenset(link[len("socket:[") : -1] for link in held if link.startswith("socket:["))
    return inodes if inodes & listening else None


@lru_cache(maxsize=8)
def _holder(listening: frozenset[str]) -> Path | None:
    """Return the open files of the process that holds one of these sockets. A router that restarts has other ones."""
    names = {f"socket:[{inode}]" for inode in listening}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _links(entry / "fd") & names:
            return entry / "fd"
    return None


def _links(folder: Path) -> frozenset[str]:
    found: list[str] = []
    with contextlib.suppress(OSError):
        for each in folder.iterdir():
            with contextlib.suppress(OSError):  # closed in between
                found.append(os.readlink(each))
    return frozenset(found)
