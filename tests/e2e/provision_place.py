"""A repository and a test host that nobody has prepared yet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from documented import documents
from hosts.host import Host
from l9.demo.stage import GIT_NAMES

ORIGIN = "/srv/origin.git"
PLACES = (
    "/opt",
    "/etc/l9",
    "/usr/lib/l9",
    "/etc/caddy",
    "/etc/cron.d",
    "/etc/group",
    "/var/log/caddy",
    "/root",
)
# A sudo of the host's own, for root: what `l9 provision` tells people to type begins with it.
SUDO = """#!/bin/sh
[ "$1" = -n ] && shift
[ "$1" = -u ] && { user=$2; shift 2; exec setpriv --reuid="$user" --regid="$user" --init-groups "$@"; }
exec "$@"
"""


class Fresh:
    """`l9` in a working copy, against one host."""

    def __init__(self, root: Path, host: Host, *, target: str = "", more: str = "") -> None:
        self.host = host
        self.work = root / "work"
        self.work.mkdir(parents=True)
        self.configure(target, more)
        (self.work / ".env.example").write_text("API_KEY=YOUR_KEY_HERE\n", encoding="utf-8")
        host.run(("git", "init", "--quiet", "--bare", "--initial-branch=main", ORIGIN))
        host.run(("chown", "-R", host.user, ORIGIN))
        self._git("init", "--quiet", "--initial-branch=main", ".")
        self._git("config", "core.sshCommand", f"ssh -F {host.ssh_config}")
        self._git("remote", "add", "origin", f"{host.name}:{ORIGIN}")
        self._git("add", "--all")
        self._git("commit", "--quiet", "-m", "Add: A first file")
        self._git("push", "--quiet", "origin", "main")

    def configure(self, target: str = "", more: str = "") -> None:
        text = f"""app = "l9-api"
{more}
[needs]
disk = 100_000_000
[targets.production]
host = "{self.host.name}"
ssh_options = ["-F", "{self.host.ssh_config}"]
{target or f'public_url = "http://{self.host.address}"'}
"""
        (self.work / "l9.toml").write_text(text, encoding="utf-8")

    def l9(self, *args: str, package: Path | None = None, **how: Any) -> subprocess.CompletedProcess[str]:
        """The command line; `package` is a directory with another l9 in it."""
        env = {**os.environ, "PYTHONPATH": str(package)} if package else None
        return subprocess.run(
            (sys.executable, "-m", "l9", *args),
            **{"cwd": self.work, "stdin": subprocess.DEVNULL, **how},
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    def provision(self, *args: str, package: Path | None = None) -> dict[str, Any]:
        """Run with --yes and --json; the document, and the exit code as `exit`."""
        done = self.l9("provision", "--yes", "--json", "--repository", ORIGIN, *args, package=package)
        assert done.stdout.count("\n") == 1, done.stdout + done.stderr
        document = {**documents(done.stdout)[0], "exit": done.returncode}
        assert document["schema"] == "l9.provision/1", document
        return document

    def listing(self) -> str:
        """All that is in the places that l9 may change: modes, owners, and files' times and content.

        But for the content of logs: whoever asks the public route is in Caddy's.
        """
        script = """
            find "$@" -printf "%p %m %u:%g %l\\n" | sort
            find "$@" -type f ! -name "*.log" -printf "%p %T@\\n" | sort
            find "$@" -type f ! -name "*.log" -exec sha256sum {} + | sort
        """
        return self.host.run(("sh", "-c", script, "-", *PLACES), check=False).stdout

    def read(self, path: str) -> str:
        return self.host.path(path).read_text(encoding="utf-8")

    def by_hand(self, done: dict[str, Any]) -> None:
        """Type what was left to root, as root."""
        sudo = self.host.path("/usr/local/bin/sudo")
        sudo.write_text(SUDO, encoding="utf-8")
        sudo.chmod(0o700)  # the ordinary user has none
        for change in done["left"]:
            for command in change["commands"]:
                self.host.run(("sh", "-ec", command))

    def _git(self, *args: str) -> None:
        subprocess.run(("git", *args), cwd=self.work, env={**os.environ, **GIT_NAMES}, check=True)
