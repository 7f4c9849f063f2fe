"""A host whose slots are real processes: a small HTTP server from a real git repository, in a few releases."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from contracts.test_ports_source import git
from l9.config.layout import Layout
from l9.config.model import Config, Drain, Ports, Process, Target
from l9.core.states import Slot
from l9.drivers.git.source import GitSource
from l9.drivers.http.client import HttpClient
from l9.drivers.process import proc
from l9.drivers.process.free_port import free_port
from l9.drivers.process.runtime import ProcessRuntime
from l9.errors import NoAnswer

APP = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

print("ERROR hello from", os.environ["L9_RELEASE"], "with", os.environ.get("GREETING"), flush=True)
if open("behaviour").read() == "exits":
    sys.exit(3)
if open("behaviour").read() == "forks" and os.fork():
    os.wait()  # the parent of a worker, as gunicorn is

class App(BaseHTTPRequestHandler):
    def do_GET(self):
        print("asked for", self.path, flush=True)
        body = os.environ["L9_RELEASE"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", int(sys.argv[1])), App).serve_forever()
"""


class ProcessHost:
    """The host's directory, cloned from a bare origin; `runtime` is what one process of l9 works with."""

    def __init__(self, directory: Path, releases: dict[str, str]) -> None:
        work, origin, root = directory / "work", directory / "origin.git", directory / "host"
        git("init", "--quiet", "--bare", "--initial-branch=main", str(origin), cwd=directory)
        git("init", "--quiet", "--initial-branch=main", str(work), cwd=directory)
        git("remote", "add", "origin", str(origin), cwd=work)
        (work / "app.py").write_text(APP)
        for tag, behaviour in releases.items():
            (work / "behaviour").write_text(behaviour)
            (work / "version").write_text(tag)
            git("add", "--all", cwd=work)
            git("commit", "--quiet", "-m", tag, cwd=work)
            git("tag", "-a", tag, "-m", tag, cwd=work)
        git("push", "--quiet", "origin", "main", *releases, cwd=work)
        git("clone", "--quiet", str(origin), str(root), cwd=directory)
        (root / ".env").write_text("GREETING=good-day\n")
        self.config = Config(
            app="shop",
            name="production",
            target=Target(
                host="local",
                path=str(root),
                runtime="process",
                ports=Ports(blue=free_port(), green=free_port()),
            ),
            process=Process(command=("{python}", "-S", "app.py", "{port}")),
            drain=Drain(grace=2.0),
        )
        self.layout = Layout(root)
        self.source = GitSource(self.layout, "main", directory / "allowed_signers")
        self.runtime = self.another()

    def another(self) -> ProcessRuntime:
        """Return the runtime of another l9 process, which started none of the slots."""
        return ProcessRuntime(self.config, self.layout, self.source)

    def port(self, slot: Slot) -> int:
        ports = self.config.target.ports
        return ports.blue if slot is Slot.BLUE else ports.green

    def ask(self, slot: Slot) -> str | None:
        """The release that answers at the slot's port."""
        try:
            return HttpClient().request("GET", self.runtime.endpoint(slot), timeout=1).body.decode()
        except NoAnswer:
            return None

    def kill(self, slot: Slot) -> None:
        """`kill -9` of what listens at the slot's port."""
        pid = proc.listener(self.port(slot))
        assert pid
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 5
        while proc.alive(pid, 0) and time.monotonic() < until:
            time.sleep(0.01)

    def log(self, slot: Slot) -> Path:
        """The newest log file of the slot."""
        return max((self.layout.state / "logs").glob(f"{slot}-*.log"), key=lambda path: path.stat().st_mtime)

    def log_lines(self, slot: Slot, count: int) -> None:
        """Append lines to the slot's log, as its process could have."""
        with self.log(slot).open("a") as log:
            log.writelines(f"noise{n}\n" for n in range(count))

    def close(self) -> None:
        for slot in Slot:
            if release := self.runtime.slots()[slot].release:
                self.runtime.wake(slot, release)
                self.runtime.stop(slot, release)
