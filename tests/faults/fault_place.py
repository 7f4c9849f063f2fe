"""The host of the matrix: a disk of its own, one load over all cells, and the hands that the faults use."""

from __future__ import annotations

import json
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.host_place import ORIGIN, PATH, HostPlace
from e2e.place import Deploying
from hosts.host import Host
from l9.core.states import Slot
from l9.demo.load import Load

RATE = 50.0  # quick requests a second
DISK = 192  # megabytes
INODES = 6000
# A file system of its own, which can be filled and mounted again after a reboot.
MOUNT = """
test -e /dev/loop-control || mknod /dev/loop-control c 10 237
for n in 0 1 2 3 4 5 6 7 8 9 10 11; do test -e /dev/loop$n || mknod /dev/loop$n b 7 $n; done
mkdir -p "$1" && mount -o loop /var/disk.img "$1"
"""
IMMUTABLE = ("chattr", "-R", "-f")


@dataclass
class Scene:
    """What is on: the live slot, the other one, the releases in them, and the command that runs."""

    live: Slot
    before: str
    standby: str | None
    new: str = ""
    command: Deploying | None = None

    @property
    def other(self) -> Slot:
        return self.live.other


class FaultPlace(HostPlace):
    """A host with a small disk, under load from its first release on."""

    def __init__(self, root: Path, host: Host, *, rate: float = RATE, through: str = "") -> None:
        """through: the address that the load's users reach the host by, if it is not the host's own."""
        super().__init__(root, host)
        self.rate = rate
        self.through = through
        self.load: Load | None = None
        self.scene = Scene(Slot.BLUE, "", None)
        self.status: dict[str, Any] = {}  # the last one, if the host was well; empty if it must be asked
        self.rivals: list[subprocess.CompletedProcess[str]] = []

    def config(self) -> str:
        text = super().config().replace("soak = 0.5", "soak = 0.3").replace("seconds = 3", "seconds = 1.5")
        return text.replace("grace = 3", "grace = 2")

    def start(self) -> None:
        image = self.host.directory / "root/var/disk.img"
        with image.open("wb") as file:
            file.truncate(DISK << 20)
        made = ("mkfs.ext4", "-q", "-m", "0", "-N", str(INODES), "-O", "^resize_inode", "-F", str(image))
        subprocess.run(made, check=True, capture_output=True)
        self.host.boot_commands.append(("sh", "-ec", MOUNT, "-", PATH))
        self.sh(MOUNT, PATH)
        self.sh('rmdir "$1/lost+found"', PATH)
        super().start()

    def start_load(self) -> Load:
        """Start the load, once; what it kept of an earlier place is gone."""
        if self.load is None:
            self.load = Load(
                self.through or self.url, self.rate, self.root / "load.jsonl", api_key=self.api_key,
                seconds=7200.0, host=self.host.address if self.through else "",
            )  # fmt: skip
            self.load.start()
        return self.load

    def stop(self) -> None:
        if self.load is not None:
            self.load.stop()
            self.load = None
        if not self.host.pid:
            self.host.power_on()
        self.unlock()
        self.host.boot_commands.clear()
        self.docker("ps", "--all", "--quiet")  # the engine may have to come back first
        self.sh(
            'docker ps -aq | xargs -r docker rm -f -v; umount -l "$1"; rm -f /var/disk.img', PATH, check=False
        )
        super().stop()

    def unlock(self) -> None:
        """End every fault that lasts, whichever it was."""
        self.sh(
            'chattr -R -f -i "$1/.l9" "$1/.git" 2>/dev/null; chmod 711 "$1/.l9"; rm -rf "$1"/fill*',
            PATH,
            check=False,
        )

    # ── the hands ────────────────────────────────────────────────────────────────────────────────

    def sh(self, script: str, *args: str, check: bool = True) -> str:
        """Run a shell script as root on the host; its output."""
        done = self.host.run(("sh", "-c", script, "-", *args), check=check, timeout=90)
        return str(done.stdout).strip()

    def docker(self, *argv: str, check: bool = True) -> str:
        return str(self.host.run(("docker", *argv), check=check, timeout=90).stdout).strip()

    def container(self, slot: Slot) -> str:
        return f"l9-api-{slot}"

    def main_pid(self, container: str) -> int:
        """The container's first process, as the host numbers it; 0 if it does not run."""
        found = self.docker("inspect", "--format", "{{.State.Pid}}", container, check=False)
        return int(found or 0)

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal; nothing happens if there is no such process (pid 0)."""
        if pid > 1:
            self.host.run(("kill", f"-{number.name.removeprefix('SIG')}", str(pid)), check=False)

    def daemon_pid(self, name: str) -> int:
        return int(self.host.path(f"/run/{name}.pid").read_text(encoding="utf-8"))

    def worker_pid(self) -> int:
        """The holder of the lock; 0 if there is none."""
        text = self.host.path(f"{PATH}/.l9/lock").read_text(encoding="utf-8")
        with suppress(ValueError):
            return int(json.loads(text)["pid"])
        return 0

    def agent_pids(self) -> list[int]:
        """The processes that serve an operator over ssh, without the worker."""
        out = self.sh("pgrep -f '[l]9 agent' || true")
        worker = self.worker_pid()
        return [int(pid) for pid in out.split() if int(pid) != worker]

    def sessions(self) -> list[int]:
        """sshd's processes, one for each connection."""
        out = self.sh('pgrep -P "$(cat /run/sshd.pid)" || true')
        return [int(pid) for pid in out.split()]

    def operator_pid(self) -> int:
        return self.scene.command.process.pid if self.scene.command else 0

    def in_state(self, name: str) -> Path:
        return self.host.path(f"{PATH}/.l9/{name}")

    def origin(self, *argv: str) -> str:
        """Run git in the origin."""
        return str(self.host.run(("git", "-C", ORIGIN, *argv)).stdout).strip()

    def caddyfile(self, text: str | None = None) -> str:
        """Return the Caddyfile, after it was written anew if there is a text for it."""
        file = self.host.path("/etc/caddy/Caddyfile")
        if text is not None:
            file.write_text(text, encoding="utf-8")
        return file.read_text(encoding="utf-8")
