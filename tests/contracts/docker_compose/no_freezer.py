"""An engine whose freezer does not work: a proxy in front of its socket that treats `pause` otherwise."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

REFUSED = b'{"message": "cannot freeze: the freezer cgroup is not there"}'
ANSWER = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
)


@contextmanager
def no_freezer(host: str, *, freezes: bool, answers: bool) -> Iterator[str]:
    """Yield the proxy's address. It passes `pause` on only if it `freezes`, and then says that it did not.

    answers: it says so; otherwise it hangs up.
    """
    engine = host.removeprefix("unix://")
    socket_file = Path(engine).with_name("no-freezer.sock")  # a socket's path is limited to 107 bytes

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            while b"\r\n\r\n" not in head and (data := self.request.recv(65536)):
                head += data
            with socket.socket(socket.AF_UNIX) as real:
                real.connect(engine)
                if b"/pause HTTP" not in head:
                    real.sendall(head)
                    both_ways(self.request, real)
                    return
                if freezes:
                    real.sendall(head)
                    real.recv(65536)
                if answers:
                    self.request.sendall(ANSWER % (len(REFUSED), REFUSED))

    server = socketserver.ThreadingUnixStreamServer(str(socket_file), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"unix://{socket_file}"
    finally:
        server.shutdown()
        server.server_close()
        socket_file.unlink()


def both_ways(one: socket.socket, other: socket.socket) -> None:
    """Pass on what either side sends, until the second one closes."""
    threading.Thread(target=pass_on, args=(one, other), daemon=True).start()
    pass_on(other, one)


def pass_on(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
