"""A target for one server: a repository of two releases, slots that are processes, and a site of Caddy's."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import time
from functools import partial
from pathlib import Path
from typing import Self

from l9.config.layout import Layout
from l9.config.settings import server_settings
from l9.configuration import parse
from l9.core.facts import SlotState
from l9.core.run import Run
from l9.core.states import Kind, Slot, State
from l9.demo.stage import GIT_NAMES
from l9.drivers.caddy.site import site
from l9.drivers.process.concurrency import run_concurrently
from l9.drivers.process.free_port import free_port
from l9.host.session import HostSession, Wanted
from l9.host.wiring import host_ports
from standby.servers import Server, python
from world.host import LOCAL

COMPOSE = """
services:
  web:
    build: .
    env_file: .env
    ports: ["8000:8000"]
"""
V1, V2 = "v1.0.0-l9", "v1.0.1-l9"


class Target:
    """The operator's and the host's side in one process; `mode` is `standby.mode`.

    image: a base image with the server's programs; slots are its containers then, and otherwise processes.
    """

    def __init__(self, root: Path, server: Server, admin: int, mode: str, image: str = "") -> None:
        self.server = server
        self.mode = mode
        self._image = image
        self.root = root
        self.work, self.origin, self.host = root / "work", root / "origin.git", root / "host"
        self.layout = Layout(self.host)
        self.port, self._blue, self._green = free_port(), free_port(), free_port()
        self._access_log = root / "access.log"
        slots = "[compose]\nservice = 'web'\n"
        if not image:
            slots = f"[process]\ncommand = {list(server.filled(python(), '127.0.0.1'))!r}\n"
        self._text = f"""app = "shop"
{slots}
[health]
soak = 0.3
deadline = 30
[bake]
seconds = 0.5
after_rollback = 0.5
[drain]
grace = 5
[standby]
mode = "{mode}"
seconds = 86400
[needs]
disk = 100_000_000
[route]
url = "http://127.0.0.1:{self.port}"
admin = "http://127.0.0.1:{admin}"
access_log = "{self._access_log}"
[targets.production]
host = "local"
runtime = "{"compose" if image else "process"}"
instance = "{root.name}"
path = "{self.host}"
ports = {{ blue = {self._blue}, green = {self._green} }}
"""
        self._count = 0

    def prepare(self) -> str:
        """Make the repository with both releases, and the host's directory. Returns the site for Caddy."""
        self.root.mkdir(parents=True)
        for argv in (
            ("git", "init", "--quiet", "--bare", "--initial-branch=main", str(self.origin)),
            ("git", "init", "--quiet", "--initial-branch=main", str(self.work)),
        ):
            subprocess.run(argv, check=True)
        self._git("remote", "add", "origin", str(self.origin))
        files = {**self.server.files, "l9.toml": self._text, "compose.yaml": COMPOSE}
        inside = self.server.filled("python3", "0.0.0.0")
        command = [word.replace("{port}", "8000") for word in inside]
        files["Dockerfile"] = f"FROM {self._image}\nCOPY . /app\nWORKDIR /app\nCMD {json.dumps(command)}\n"
        for name, text in files.items():
            (self.work / name).write_text(text, encoding="utf-8")
        for tag in (V1, V2):
            (self.work / "version").write_text(tag, encoding="utf-8")
            self._git("add", "--all")
            self._git("commit", "--quiet", "-m", f"Add: {tag}")
            self._git("tag", "-a", tag, "-m", f"Release {tag}: Try the standby")
        self._git("push", "--quiet", "origin", "main", V1, V2)
        self._git("clone", "--quiet", str(self.origin), str(self.host), cwd=self.root)
        (self.host / ".git" / "info" / "exclude").write_text(
            ".l9/\n.env\n.deployed-tag\n.deployed-metadata.json\n", encoding="utf-8"
        )
        (self.host / ".env").touch(mode=0o600)
        self.layout.route.mkdir(parents=True)
        return site(
            address=f":{self.port}",
            flags=str(self.layout.route),
            blue=self._blue,
            green=self._green,
            access_log=str(self._access_log),
        )

    def deploy(self, tag: str) -> Run:
        return self._run(Kind.DEPLOY, tag)

    def rollback(self) -> Run:
        """Roll back to what stands by."""
        return self._run(Kind.ROLLBACK, str(self.standby().release))

    def standby(self) -> SlotState:
        ports = self._session().ports
        return ports.runtime.slots()[ports.router.active().other]

    def stop(self) -> None:
        runtime = self._session().ports.runtime
        for slot in (runtime.slots().blue, runtime.slots().green):
            if slot.release:
                runtime.remove(slot.slot, slot.release)

    def log(self) -> str:
        """All that both slots have logged, as far as it is kept."""
        runtime = self._session().ports.runtime
        lines = (line.text for slot in Slot for line in runtime.log_tail(slot, 10_000))
        return "\n".join(lines)

    def _run(self, kind: Kind, tag: str) -> Run:
        session = self._session()
        session.lock.take("the tests", f"{kind} {tag}")
        try:
            self._count += 1
            wanted = Wanted(
                commit=self._git("rev-parse", f"{tag}^{{commit}}"),
                tag_object=self._git("rev-parse", tag),
                claims=LOCAL if kind is Kind.DEPLOY else (),
            )
            return session.go_on(session.start(f"run-{self._count}", kind, tag, wanted))
        finally:
            session.lock.free()

    def _session(self) -> HostSession:
        settings = server_settings(parse(self._text))
        connect = partial(
            host_ports, layout=self.layout, server=settings, allowed_signers=self.root / "allowed_signers"
        )
        return HostSession(
            settings,
            self.layout,
            connect,
            "the tests",
            lambda _gate, _pending: None,
            lambda _text: None,
            together=run_concurrently,
        )

    def _git(self, *args: str, cwd: Path | None = None) -> str:
        env = {**os.environ, **GIT_NAMES}
        done = subprocess.run(
            ("git", *args), cwd=cwd or self.work, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


class Users:
    """Kept-alive, new and slow requests through the public route while the block runs; `failed` are those that did."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.served = 0
        self.failed: list[str] = []
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=args)
            for args in (("/", True), ("/", False), ("/slow", False))
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        time.sleep(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(0.5)
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, path: str, keep: bool) -> None:
        link = None
        while not self._over.wait(0.05):
            link = link if link and keep else http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
            try:
                link.request("GET", path)
                answer = link.getresponse()
                text = answer.read()[:100]
                if answer.status == 200:
                    self.served += 1
                else:
                    self.failed.append(
                        f"{path}: {answer.status} {text!r} from {answer.headers.get('X-L9-Slot')}"
                    )
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(f"{path}: {type(error).__name__} {error}")
                link = None
            if link and not keep:
                link.close()


def succeeded(run: Run) -> str:
    """Return why a run did not succeed; empty if it did."""
    if run.outcome is State.SUCCESS:
        return ""
    closed = run.closed
    found = (
        "; ".join(f"{one.invariant}: {one.found}" for one in closed.findings) if closed else str(run.finished)
    )
    return f"{run.outcome} at {closed.gate if closed else None}: {found}"
