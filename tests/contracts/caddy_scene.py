"""A real Caddy with two slots and a stranger's site behind it, and somebody between l9 and its admin API."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from l9.config.layout import Layout
from l9.config.model import Config, Health, Ports, Route, Target
from l9.core.states import Slot
from l9.demo.caddy import EmbeddedCaddy, caddy_binary
from l9.drivers.caddy.admin import CaddyAdmin
from l9.drivers.caddy.flag_file import CaddyFile
from l9.drivers.http.client import HttpClient
from l9.drivers.process.free_port import free_port

BLUE, GREEN = Slot.BLUE, Slot.GREEN


def binaries() -> list[Path]:
    other = Path(os.environ.get("L9_TEST_CADDY", "/usr/bin/caddy"))
    return [caddy_binary(), *([other] if other.exists() else [])]


class Backend(BaseHTTPRequestHandler):
    """`/slow` answers when it may."""

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.server.may_answer.wait(20)  # type: ignore[attr-defined]
        body = self.server.name.encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-L9-Slot", "forged")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class Front:
    """Between l9 and the admin API: notes each request, and can do something before one is passed on."""

    def __init__(self, admin_port: int) -> None:
        self.seen: list[tuple[str, str]] = []
        self.before: Callable[[str], None] = lambda _method: None
        self.answer: bytes | None = None
        self._admin_port = admin_port
        self._listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in self.seen if method != "GET"]

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            with link, suppress(OSError):
                self._pass_on(link)

    def _pass_on(self, link: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += link.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = [int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")]
        while length and len(body) < length[0]:
            body += link.recv(65536)
        method, path, _ = head.split(b" ", 2)
        self.seen.append((method.decode(), path.decode()))
        self.before(method.decode())
        if self.answer is not None:
            link.sendall(self.answer)
            return
        head = head.replace(b"127.0.0.1:%d" % self.port, b"127.0.0.1:%d" % self._admin_port)
        with socket.create_connection(("127.0.0.1", self._admin_port)) as caddy:
            caddy.sendall(head + b"\r\n\r\n" + body)
            while answer := caddy.recv(65536):
                link.sendall(answer)


class Scene:
    """Two slots and a stranger's site behind one Caddy. The sites stand in a file that the Caddyfile imports."""

    def __init__(self, directory: Path, binary: Path) -> None:
        self.directory = directory
        self.layout = Layout(directory / "opt")
        self.layout.route.mkdir(parents=True)
        self.sites = directory / "sites.caddy"
        self.access_log = directory / "access.log"
        self.access_log.touch()  # Caddy 2.6 makes it at the first answer
        self.backends = {slot: self._backend(slot) for slot in Slot}
        self.ports = {slot: server.server_port for slot, server in self.backends.items()}
        self.public = free_port()
        self.caddy = EmbeddedCaddy(directory / "caddy", f"import {self.sites}", binary=binary)
        self.front = Front(self.caddy.admin_port)

    def _backend(self, slot: Slot) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
        server.name, server.may_answer = str(slot), threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server

    def close(self) -> None:
        for server in self.backends.values():
            server.may_answer.set()  # type: ignore[attr-defined]
            server.shutdown()
            server.server_close()
        self.front.close()
        self.caddy.kill()

    def start(self, ours: str) -> None:
        stranger = f"http://other.test:{self.public} {{\n\trespond `other`\n\tencode gzip\n}}\n"
        self.sites.write_text(f"{ours}\n{stranger}")
        self.caddy.start()

    def foreign_site(self, *, slot: Slot = BLUE, more: str = "") -> str:
        """As somebody wrote it who never heard of l9."""
        return (
            f"http://127.0.0.1:{self.public} {{\n"
            f"\tlog {{\n\t\toutput file {self.access_log}\n\t\tformat json\n\t}}\n"
            f"\thandle /own/* {{\n\t\trespond own\n\t}}\n"
            f"\thandle {{\n\t\theader X-Theirs yes\n"
            f"\t\treverse_proxy localhost:{self.ports[slot]} {{\n\t\t\theader_down X-Down yes\n\t\t}}\n"
            f"\t}}\n{more}}}\n"
        )

    def config(self, kind: str = "caddy-admin", **route: str) -> Config:
        url = f"http://127.0.0.1:{self.public}"
        settings = {"caddyfile": str(self.sites), "admin": f"http://127.0.0.1:{self.front.port}", **route}
        ports = Ports(blue=self.ports[BLUE], green=self.ports[GREEN])
        return Config(
            app="shop",
            name="production",
            target=Target(host="local", ports=ports),
            health=Health(path="/health"),
            route=Route(kind=kind, url=url, **settings),  # type: ignore[arg-type]
        )

    def router(self, **route: str) -> CaddyAdmin:
        return CaddyAdmin(self.layout, self.config(**route), HttpClient(), self.access_log, {})

    def file_router(self) -> CaddyFile:
        return CaddyFile(self.layout, self.config("caddy-file"), HttpClient(), self.access_log, {})

    def ask(self, path: str = "/", *, probe: bool = True) -> tuple[str, dict[str, str]]:
        headers = {"X-L9-Probe": "1"} if probe else {}
        reply = HttpClient().request(
            "GET", f"http://127.0.0.1:{self.public}{path}", headers=headers, timeout=20
        )
        return reply.body.decode(), dict(reply.headers)

    def admin(self, method: str, path: str, body: object = None) -> bytes:
        """Past the front, as somebody else."""
        link = http.client.HTTPConnection("127.0.0.1", self.caddy.admin_port, timeout=5)
        data = None if body is None else json.dumps(body).encode()
        link.request(method, path, body=data, headers={"Content-Type": "application/json"})
        answer = link.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        link.close()
        return content

    def routes(self) -> list[bytes]:
        """Each site's route, as it stands in the configuration."""
        path = "/config/apps/http/servers/srv0/routes"
        return [self.admin("GET", f"{path}/{n}") for n in range(len(json.loads(self.admin("GET", path))))]
