"""A small application under compose, laid out as l9 has it on a host, for the contract tests."""

from __future__ import annotations

import json
import os
import socket
import textwrap
import time
import urllib.error
import urllib.request
from pathlib import Path

from docker_compose.own_docker import BASE, DOCKER, docker
from l9.config.layout import Layout
from l9.configuration import parse
from l9.core.facts import SlotState
from l9.core.states import Slot
from l9.drivers.docker.runtime import ComposeRuntime

BLUE, GREEN = Slot.BLUE, Slot.GREEN
V1, V2, V3 = "v1.0.0-l9", "v1.0.1-l9", "v1.1.0-l9"

APP = """
import http.server, json, os, signal, sys, threading, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/crash":
            os._exit(3)
        body = json.dumps({"env": dict(os.environ), "file": self.path_text()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        text = self.rfile.read(int(self.headers["Content-Length"]))
        with open(self.path, "wb") as file:
            file.write(text)
        self.send_response(204)
        self.end_headers()

    def path_text(self):
        try:
            with open(self.path) as file:
                return file.read()
        except OSError:
            return None

    def log_message(self, *args):
        pass

def end(*_):
    print("INFO terminated", flush=True)
    os._exit(0)

signal.signal(signal.SIGTERM, end)
print("INFO started " + os.environ.get("L9_RELEASE", "?"), flush=True)
print("WARNING on the other stream", file=sys.stderr, flush=True)
host = "127.0.0.1" if os.environ.get("HOST_NETWORK") else "0.0.0.0"
http.server.ThreadingHTTPServer((host, int(os.environ.get("PORT", "8000"))), Handler).serve_forever()
"""

DOCKERFILE = f"""
FROM {BASE}
COPY . /app
CMD ["python3", "/app/app.py"]
"""

ONE_SERVICE = """
services:
  shop:
    build: .
    env_file: .env
    ports: ["8000:8000"]
    volumes: ["data:/data"]
volumes: {data: {}}
"""

WITH_DATABASE = """
services:
  shop:
    build: .
    env_file: .env
    ports: ["8000:8000"]
    volumes: ["data:/data"]
    depends_on: [db]
  db:
    image: l9-contract/base:1
    command: [python3, -m, http.server, "5432"]
    volumes: ["dbdata:/var/lib/db"]
volumes: {data: {}, dbdata: {}}
"""

TWO_SERVICES = """
x-app: &app
  build: {context: .., dockerfile: docker/Dockerfile}
  env_file: ../.env
  volumes: ["data:/data"]
services:
  shop-blue: {<<: *app, container_name: shop-blue, ports: ["127.0.0.1:8000:8000"]}
  shop-green: {<<: *app, container_name: shop-green, restart: "no", ports: ["127.0.0.1:8001:8000"]}
volumes: {data: {}}
"""

HOST_NETWORK = """
services:
  shop:
    build: .
    network_mode: host
    environment: {HOST_NETWORK: "1"}
    volumes: ["data:/data"]
volumes: {data: {}}
"""

ENV = "TOKEN='s3cr$et value'\nexport PLAIN=yes\n"


class Project:
    """One instance of the application on this machine. `said` collects what long actions say."""

    def __init__(
        self, host: str, root: Path, *, name: str = "shop", ports: tuple[int, int] = (8000, 8001)
    ) -> None:
        self.host, self.root, self.ports = host, root, ports
        self.instance = name
        self.layout = Layout(root)
        self.said: list[str] = []
        root.mkdir(parents=True)
        self.write(".env", ENV)
        self.configure()

    def configure(self, more: str = "") -> None:
        text = f"""
            app = "shop"
            {more}
            [targets.production]
            host = "local"
            path = {json.dumps(str(self.root))}
            instance = "{self.instance}"
            [targets.production.ports]
            blue = {self.ports[0]}
            green = {self.ports[1]}
        """
        self.config = parse(textwrap.dedent(text))
        self.runtime = ComposeRuntime(self.config, self.layout, host=self.host, program=DOCKER)

    def again(self) -> ComposeRuntime:
        """The runtime of another process, after this one was killed."""
        return ComposeRuntime(self.config, self.layout, host=self.host, program=DOCKER)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def tag(self, release: str, compose: str = ONE_SERVICE, files: dict[str, str] | None = None) -> None:
        """Write the release's tree, as `AddTree` leaves it."""
        given = {"compose.yaml": compose, "Dockerfile": DOCKERFILE, "app.py": APP, "version": release}
        for path, text in (given | (files or {})).items():
            self.write(f".l9/releases/{release}/tree/{path}", text)

    def deploy(self, slot: Slot, release: str, compose: str = ONE_SERVICE) -> str:
        """Tree, image, services and slot of a release; the slot's container id."""
        self.tag(release, compose)
        self.runtime.build(release, commit(release), self.said.append)
        self.runtime.start_services(release, self.said.append)
        self.runtime.start(slot, release)
        self.get(slot)
        return self.id(slot)

    # ── the tests' own looks ─────────────────────────────────────────────────────────────────────

    def docker(self, *argv: str) -> str:
        return docker(self.host, *argv).stdout.strip()

    def id(self, slot: Slot) -> str:
        return self.inspect(f"{self.instance}-{slot}", "{{.Id}}")

    def inspect(self, name: str, form: str) -> str:
        return docker(self.host, "inspect", "--format", form, name, check=False).stdout.strip()

    def names(self) -> set[str]:
        return set(self.docker("ps", "--all", "--format", "{{.Names}}").splitlines())

    def state(self, slot: Slot) -> SlotState:
        return self.runtime.slots()[slot]

    def get(self, slot: Slot, path: str = "/", patience: float = 10.0) -> dict[str, object]:
        """Return the answer at the slot's endpoint, as soon as there is one."""
        base, until = self.runtime.endpoint(slot), time.monotonic() + patience
        while True:
            try:
                with urllib.request.urlopen(base + path, timeout=5) as answer:
                    return json.loads(answer.read())
            except (urllib.error.URLError, OSError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def env(self, slot: Slot) -> dict[str, str]:
        found = self.get(slot)["env"]
        assert isinstance(found, dict)
        return found

    def put(self, slot: Slot, path: str, text: str) -> None:
        request = urllib.request.Request(self.runtime.endpoint(slot) + path, text.encode(), method="PUT")
        urllib.request.urlopen(request, timeout=5).close()


def commit(release: str) -> str:
    return (release.encode().hex() * 4)[:40]


def listen(port: int) -> socket.socket:
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", port))
    taken.listen()
    return taken


def is_open(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def mode(path: Path) -> int:
    return os.stat(path).st_mode & 0o777
