"""A complete setup in one directory: repository, origin, host directory, PostgreSQL and Caddy, all real."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import msgspec

from l9.config.layout import Layout
from l9.config.model import Config
from l9.config.provisioned import in_directory
from l9.configuration import parse
from l9.demo.backend import APP, source
from l9.demo.caddy import EmbeddedCaddy
from l9.demo.postgres import EmbeddedPostgres
from l9.drivers.caddy import site
from l9.drivers.process.free_port import free_port
from l9.protocol.answers.answer import Answer
from l9.provision.wanted import want

A = TypeVar("A", bound=Answer)

GIT_NAMES = {
    "GIT_AUTHOR_NAME": "Demo", "GIT_AUTHOR_EMAIL": "demo@l9.invalid",
    "GIT_COMMITTER_NAME": "Demo", "GIT_COMMITTER_EMAIL": "demo@l9.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
}  # fmt: skip
SIGNERS = "allowed_signers"


@dataclass(frozen=True, slots=True)
class Timing:
    """The demo's thresholds, in seconds, far shorter than the spec's for real servers."""

    soak: float = 0.5
    bake: float = 3.0
    grace: float = 3.0
    deadline: float = 5.0
    standby: float = 600.0
    watch: float = 1.0


@dataclass
class Stage:
    """The demo's setup: start(), any number of release() and l9(), then stop(). All files are below `root`.

    attested: releases are made by `l9 release`, and the host requires their attestation.
    """

    root: Path
    timing: Timing = field(default_factory=Timing)
    app: str = "l9-api"
    # Only the plugins that are named: those of a developer's environment take longer than the tests.
    test: tuple[str, ...] = (
        "{python}", "-m", "pytest", "-q", "--disable-plugin-autoload", "-p", "pytest_cov", "-p", "no:cacheprovider",
        "tests/test_cgmp.py",
    )  # fmt: skip
    coverage: int = 100
    attested: bool = False

    def __post_init__(self) -> None:
        self.work = self.root / "work"
        self.host = self.root / "host"
        self.origin = self.root / "origin.git"
        self.layout = Layout(self.host)
        self.files = in_directory(self.host)
        self.ports = (free_port(), free_port(), free_port())
        self.url = f"http://127.0.0.1:{self.ports[2]}"
        self.api_key = secrets.token_hex(16)
        self.access_log = self.root / "caddy" / "access.log"
        self.postgres = EmbeddedPostgres(self.root / "postgres")
        self.caddy: EmbeddedCaddy | None = None
        self._admin = free_port()
        self._key = self.root / "key"

    # ── start and stop ──────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Create the repository, its origin and the host's directory; start PostgreSQL and Caddy."""
        self.root.mkdir(parents=True, exist_ok=True)
        self._make_repository()
        dsn = self.postgres.start()
        self._make_host(dsn)
        self.layout.route.mkdir(parents=True, exist_ok=True)
        text = site.site(
            address=f":{self.ports[2]}",
            flags=str(self.layout.route),
            blue=self.ports[0],
            green=self.ports[1],
            access_log=str(self.access_log),
        )
        self.caddy = EmbeddedCaddy(self.root / "caddy", text, self._admin)
        self.caddy.start()

    def stop(self) -> None:
        """Stop slots, Caddy and PostgreSQL."""
        from l9.core.states import Slot
        from l9.drivers.git.source import GitSource
        from l9.drivers.process.runtime import ProcessRuntime

        if (self.work / "l9.toml").exists():
            config = parse((self.work / "l9.toml").read_text(encoding="utf-8"))
            runtime = ProcessRuntime(
                config, self.layout, GitSource(self.layout, "main", self.files.allowed_signers)
            )
            for slot in Slot:
                if release := runtime.slots()[slot].release:
                    runtime.stop(slot, release)
        if self.caddy is not None:
            self.caddy.stop()
        self.postgres.stop()

    # ── operator ────────────────────────────────────────────────────────────────────

    def release(self, tag: str, added: str = "", message: str = "") -> list[str]:
        """Commit the reference backend, with `added` at the end of its application, and release it.

        Returns the output of `l9 release`, if it made the tag. Raises RuntimeError if it failed.
        """
        good = (source() / APP).read_text(encoding="utf-8")
        (self.work / APP).write_text(good + added, encoding="utf-8")
        notes = self.work / "CHANGES.md"
        before = notes.read_text(encoding="utf-8") if notes.exists() else ""
        notes.write_text(f"{before}- {tag}: {message or 'a release'}\n", encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", f"Release: {message or f'Prepare {tag}'}")
        if not self.attested:
            self.git("tag", "-a", tag, "-m", f"Release {tag}: {message or 'Bring it to production'}")
            return []
        done = self.l9("release", tag)
        if done.returncode != 0:
            raise RuntimeError(f"l9 release {tag}: {done.stderr}")
        return [*done.stderr.splitlines(), *(x for x in done.stdout.splitlines() if x.startswith("✔"))]

    def git(self, *args: str, cwd: Path | None = None) -> str:
        """Run git in the working copy. Returns its output."""
        done = subprocess.run(
            ("git", *args),
            cwd=cwd or self.work,
            env={**os.environ, **GIT_NAMES},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def l9(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in the working copy."""
        return subprocess.run(
            (sys.executable, "-m", "l9", *args), cwd=self.work, capture_output=True, text=True, check=False
        )

    def ask(self, kind: type[A], *args: str) -> A:
        """Return the answer of a command that prints one document. Raises msgspec.ValidationError for an error."""
        return msgspec.json.decode(self.l9(*args, "--json").stdout, type=kind)

    def provision(self, config: Config, signers: str | None = None) -> None:
        """Write the server's settings, as `l9 provision` does without root."""
        self.files.settings.parent.mkdir(parents=True, exist_ok=True)
        wanted = replace(want(config, signers=signers), by_root=False)
        self.files.settings.write_text(wanted.settings_text, encoding="utf-8")
        if signers is not None:
            self.files.allowed_signers.write_text(signers, encoding="ascii")

    # ── setup ────────────────────────────────────────────────────────────────────────────────

    def _make_repository(self) -> None:
        shutil.copytree(
            source(),
            self.work,
            ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache", ".venv"),
            dirs_exist_ok=True,
        )
        (self.work / "l9.toml").write_text(self._config(), encoding="utf-8")
        if self.attested:
            keygen = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "demo", "-f", str(self._key))
            subprocess.run(keygen, check=True, stdin=subprocess.DEVNULL)
            public = Path(f"{self._key}.pub").read_text(encoding="ascii")
            (self.work / SIGNERS).write_text(f"demo@l9.invalid {public}", encoding="ascii")
        subprocess.run(
            ("git", "init", "--quiet", "--bare", "--initial-branch=main", str(self.origin)), check=True
        )
        subprocess.run(("git", "init", "--quiet", "--initial-branch=main", str(self.work)), check=True)
        self.git("config", "user.name", "Demo")
        self.git("config", "user.email", "demo@l9.invalid")
        self.git("remote", "add", "origin", str(self.origin))
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Add: The reference backend")
        self.git("push", "--quiet", "origin", "main")

    def _make_host(self, dsn: str) -> None:
        self.git("clone", "--quiet", str(self.origin), str(self.host), cwd=self.root)
        exclude = self.host / ".git" / "info" / "exclude"
        exclude.parent.mkdir(exist_ok=True)
        exclude.write_text(".l9/\n.env\n.deployed-tag\n.deployed-metadata.json\n", encoding="utf-8")
        signers = (self.work / SIGNERS).read_text(encoding="ascii") if self.attested else None
        self.provision(parse(self._config()), signers)
        example = (source() / ".env.example").read_text(encoding="utf-8")
        values = {"MEMORY_DSN": dsn, "L9_EXECUTOR_API_KEY": self.api_key}
        for env in (self.host / ".env", self.work / ".env.local"):
            env.touch(mode=0o600)
            env.write_text(_filled(example, values), encoding="utf-8")

    def _config(self) -> str:
        timing = self.timing
        return f"""app = "{self.app}"

{self._signing()}
[check]
test = {json.dumps(self.test)}

[cgmp]
fix = [["{{python}}", "-m", "compileall", "-q", "api"]]
coverage = {self.coverage}
env = {{ ENV = "contract", LOG_LEVEL = "warning" }}

[[cgmp.golden]]
method = "POST"
path = "/memory/packet"
headers = {{ Authorization = "Bearer {{env:L9_EXECUTOR_API_KEY}}" }}
json = {{ content = "golden" }}
fields = {{ status = "stored" }}

[health]
soak = {timing.soak}
deadline = {timing.deadline}

[[smoke]]
method = "POST"
path = "/memory/packet"
headers = {{ Authorization = "Bearer {{env:L9_EXECUTOR_API_KEY}}" }}
json = {{ content = "smoke" }}
fields = {{ status = "stored" }}

[bake]
seconds = {timing.bake}
after_rollback = {timing.watch}

[drain]
grace = {timing.grace}

[standby]
seconds = {timing.standby}

[process]
command = ["{{python}}", "-m", "api"]

[needs]
disk = 100_000_000

[route]
url = "{self.url}"
admin = "http://127.0.0.1:{self._admin}"
access_log = "{self.access_log}"

[targets.production]
host = "local"
runtime = "process"
path = "{self.host}"
public_url = "{self.url}"
ports = {{ blue = {self.ports[0]}, green = {self.ports[1]} }}
"""

    def _signing(self) -> str:
        if not self.attested:
            return ""
        return f"""[release]
allowed_signers = "{SIGNERS}"
signing_key = "{self._key}"
require_attestation = true
"""


def _filled(example: str, values: dict[str, str]) -> str:
    lines = []
    for line in example.splitlines():
        key = line.partition("=")[0]
        lines.append(f"{key}={values[key]}" if key in values else line)
    return "\n".join(lines) + "\n"
