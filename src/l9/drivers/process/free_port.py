"""Free ports of this machine."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

LOWEST = 10_000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free, and that no outgoing connection will take.

    The system's own choice (port 0) is in the range of outgoing connections, so that a slot which
    starts later may find its port in use. No port is returned twice by one process.
    """
    for port in _PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("a cycle does not end")


def _ports() -> Iterator[int]:
    """Cycle through all ports below the ephemeral ones from a random start, so that processes rarely collide."""
    try:
        highest = int(_EPHEMERAL.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        highest = 32768
    known = range(LOWEST, max(highest, LOWEST + 1000))
    begin = random.randrange(len(known))  # noqa: S311  # no secret
    return cycle([*known[begin:], *known[:begin]])


_PORTS = _ports()
