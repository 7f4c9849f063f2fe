"""A TCP relay that delays what it carries: a distant host, where the kernel has no `sch_netem`.

Each direction is delayed by half the round trip, in order and without a limit of bandwidth. The connection's own
handshake is answered on this machine, so that it is made up for by one round trip before anything is carried.
"""

from __future__ import annotations

import queue
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hosts.host import Host

CHUNK = 1 << 16


class Relay:
    """Listens on a port of loopback and carries connections to `address`; `round_trip` is in seconds."""

    def __init__(self, address: tuple[str, int], round_trip: float) -> None:
        self._address = address
        self._delay = round_trip / 2
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        time.sleep(2 * self._delay)
        try:
            far = socket.create_connection(self._address, timeout=5)
        except OSError:  # the host is away: whoever asks it through here is told
            near.close()
            return
        far.settimeout(None)
        self._open += (near, far)
        for one in (near, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, sink in ((near, far), (far, near)):
            waiting: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
            threading.Thread(target=self._read, args=(source, waiting), daemon=True).start()
            threading.Thread(target=self._write, args=(sink, waiting), daemon=True).start()

    def _read(self, source: socket.socket, waiting: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        data = b"begin"
        while data:
            try:
                data = source.recv(CHUNK)
            except OSError:
                data = b""
            waiting.put((time.monotonic() + self._delay, data))

    def _write(self, sink: socket.socket, waiting: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        while True:
            due, data = waiting.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
            except OSError:
                return


@contextmanager
def ssh_through(host: Host, port: int) -> Iterator[None]:
    """Let ssh reach the host through this port of loopback. Raises ValueError if its configuration has no HostName."""
    before = host.ssh_config.read_text(encoding="utf-8")
    known_as = re.search(r"(?mi)^\s*hostname (\S+)$", before)
    if known_as is None:
        raise ValueError(f"no HostName in {host.ssh_config}")
    there = f"HostName 127.0.0.1\n    HostKeyAlias {known_as[1]}\n    Port {port}"
    try:
        host.ssh_config.write_text(before.replace(known_as[0].strip(), there), encoding="utf-8")
        yield
    finally:
        host.ssh_config.write_text(before, encoding="utf-8")
