"""Servers of the tests' own: an sshd on 127.0.0.1, an engine that is too old, a site that knows no slots."""

from __future__ import annotations

import contextlib
import getpass
import http.server
import json
import os
import shlex
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from l9.demo.child import end, spawn
from l9.drivers.process.free_port import free_port

SSHD = "/usr/sbin/sshd"


def absent(reason: str) -> NoReturn:
    """Skip by name with the reason; in CI nothing is skipped."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"in CI nothing is skipped: {reason}", pytrace=False)
    pytest.skip(reason)


class Sshd:
    """An sshd for this user, on a port of its own; it ends with the block that started it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.user = getpass.getuser()

    @contextlib.contextmanager
    def running(self) -> Iterator[Sshd]:
        if not Path(SSHD).exists():
            absent("needs sshd: tools/test_host_packages.py installs it")
        self.directory.mkdir(mode=0o700, parents=True)
        for name in ("host", "user", "other"):
            self._run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.directory / name))
        (self.directory / "authorized").write_bytes((self.directory / "user.pub").read_bytes())
        for name, key in (("known", "host"), ("changed", "other")):
            public = (self.directory / f"{key}.pub").read_text(encoding="utf-8")
            (self.directory / name).write_text(f"[127.0.0.1]:{self.port} {public}", encoding="utf-8")
        (self.directory / "empty").touch()
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # as the package's own unit makes it
        config = self.directory / "config"
        config.write_text(self._config(), encoding="utf-8")
        argv = (SSHD, "-D", "-e", "-f", str(config))
        child = spawn(
            argv, log=self.directory / "log", env=os.environ
        )  # it ends with us, whatever becomes of us
        try:
            self._wait(child)
            yield self
        finally:
            end(child, (signal.SIGTERM, 10.0))

    def options(self, known: str = "known") -> str:
        """`ssh_options` as l9.toml has them; `known` is which hosts are on record."""
        directory = self.directory
        words = (
            "-F", "/dev/null", "-p", str(self.port), "-i", str(directory / "user"), "-l", self.user,
            "-o", "IdentitiesOnly=yes", "-o", "GlobalKnownHostsFile=/dev/null",
            "-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={quoted(directory / known)}",
        )  # fmt: skip
        return json.dumps(words, ensure_ascii=False)

    def _config(self) -> str:
        directory = self.directory
        lines = (
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {quoted(directory / 'host')}",
            f"AuthorizedKeysFile {quoted(directory / 'authorized')}", "StrictModes no", "UsePAM no",
            "PasswordAuthentication no", "PermitRootLogin prohibit-password", "PidFile none",
        )  # fmt: skip
        return "\n".join(lines) + "\n"

    def _wait(self, child: subprocess.Popen[bytes]) -> None:
        log = self.directory / "log"
        for _ in range(200):
            assert child.poll() is None, log.read_text(encoding="utf-8", errors="replace")
            if b"Server listening" in log.read_bytes():
                return
            time.sleep(0.05)
        raise AssertionError("sshd does not listen")

    @staticmethod
    def _run(*argv: str) -> None:
        subprocess.run(argv, check=True, capture_output=True)


def quoted(path: Path) -> str:
    """A path as ssh's and sshd's own configuration take it."""
    return f'"{path}"'


def launcher(host: Path, script: str | None = None) -> None:
    """Put an agent where l9 looks for one: this very l9, or a shell script in its place."""
    path = host / ".l9" / "agent" / "bin" / "l9"
    path.parent.mkdir(parents=True, exist_ok=True)
    real = f'exec {shlex.join((sys.executable, "-m", "l9"))} "$@"\n'
    path.write_text(f"#!/bin/sh\n{script or real}", encoding="utf-8")
    path.chmod(0o755)


@contextlib.contextmanager
def plain_site(port: int) -> Iterator[None]:
    """A web server that answers 200 to all, and knows nothing of slots."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with _serving(http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)):
        yield


@contextlib.contextmanager
def docker_engine(socket: Path, version: str, api: str) -> Iterator[None]:
    """Just enough of an engine to tell its version, and that it has nothing."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            answers = {
                "/version": {"Version": version, "ApiVersion": api},
                "/info": {"DockerRootDir": "/"},
                "/containers/json": [],
                "/images/json": [],
            }
            known = next((a for end, a in answers.items() if path.endswith(end)), None)
            body = json.dumps({"message": "no such thing"} if known is None else known).encode()
            self.send_response(404 if known is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_DELETE = do_POST = do_GET

        def address_string(self) -> str:
            return "engine"

        def log_message(self, *_: object) -> None: ...

    with _serving(socketserver.ThreadingUnixStreamServer(str(socket), Handler)):
        yield


@contextlib.contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
