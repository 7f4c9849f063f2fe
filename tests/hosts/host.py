"""A server of its own on this machine: own network, processes, file system, sshd, dockerd and Caddy.

    with Network() as network, Host(network, images=[python_image()], caddy=True) as host:
        subprocess.run((*host.ssh, "docker", "ps"))

`host.run` is for the test's own looks; what is tested should come over ssh like everybody.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hosts import filesystem, owned
from hosts.images import Image
from hosts.network import Network, make_key
from hosts.store import fill_store

BOOT = Path(__file__).with_name("boot.sh")
CLEAN_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}
AS_CADDY = ("setpriv", "--reuid=caddy", "--regid=caddy", "--init-groups")
DOCKERD = ("dockerd", "--containerd=/run/containerd/containerd.sock")
MAY_BIND_PORT_80 = ("--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service")


class Host:
    """Up from `start` to `stop`; use it as a context manager, so that it is stopped whatever happens."""

    def __init__(
        self, network: Network, *, user: str = "root", images: Sequence[Image] = (), caddy: bool = False
    ) -> None:
        self.network = network
        self.user = user
        self.images = tuple(images)
        self.name = owned.new_name()
        self.address = network.new_address()
        self.pid = 0  # of the host's first process, as the machine numbers it; 0 while the host is off
        self.boot_commands: list[Sequence[str]] = []  # run at the end of every boot, as a boot unit would be
        self._caddy_at_boot = caddy
        self._machine: subprocess.Popen[str] | None = None

    # What a test needs to know -----------------------------------------------------------------------------

    @property
    def ssh_config(self) -> Path:
        """For `ssh -F`: knows this host, under its name, its key and the user's key."""
        return self.directory / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def ssh(self) -> tuple[str, ...]:
        return ("ssh", "-F", str(self.ssh_config), self.name)

    @property
    def docker_socket(self) -> Path:
        return self.path("/run/docker.sock")

    def path(self, inside: str) -> Path:
        """A path of the host as the test process can open it (absolute symlinks in it lead astray)."""
        return Path(f"/proc/{self.pid}/root", inside.lstrip("/"))

    # Up and down -------------------------------------------------------------------------------------------

    def start(self) -> Host:
        self.directory = owned.new_directory(self.name)
        try:
            root = self.directory / "root"
            filesystem.make_directory(root)
            for folder in ("bin", "etc", "lib", "sbin", "share"):
                filesystem.make_directory(self.directory / "usr-local" / folder)
            public_key = self.network.identity_file.with_suffix(".pub").read_text(encoding="utf-8")
            filesystem.lay_out(root, self.name, self.address, self.user, public_key)
            make_key(root / "etc/ssh/ssh_host_ed25519_key", self.name)
            self._write_ssh_config(root / "etc/ssh/ssh_host_ed25519_key.pub")
            fill_store(self.images, root / "var/lib/docker", self._new_store)
            self.power_on()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End everything in here, and leave nothing."""
        self.power_off()
        owned.discard(self.directory)

    def reboot(self) -> None:
        """As if the plug had been pulled: every process, mount, /run and /tmp is gone, the disk is kept."""
        self.power_off()
        self.power_on()

    def power_on(self) -> None:
        with (self.directory / "boot.log").open("a") as log:
            self._machine = subprocess.Popen(
                (
                    *("unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child"),
                    *("--propagation", "private", str(BOOT), str(self.directory), self.name),
                ),
                env=CLEAN_ENVIRONMENT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self._machine.stdout.readline()
        if not line:
            raise RuntimeError(f"the host did not boot: {(self.directory / 'boot.log').read_text()}")
        self.pid = int(line)
        owned.record(self.directory, self.pid)
        self.network.attach(self.name, self.pid, self.address)
        # A daemon of its own, as in Debian: dockerd's takes 1 s more.
        self._daemon("containerd", ("containerd",))
        self._daemon("dockerd", DOCKERD)
        self.run(("/usr/sbin/sshd", "-E", "/var/log/sshd.log"))
        if self._caddy_at_boot:
            self.start_caddy()
        wait_until(self._ssh_answers, f"{self.name}: sshd does not answer: see /var/log/sshd.log")
        self._wait_for_docker()
        for command in self.boot_commands:
            self.run(command)

    def power_off(self) -> None:
        if self._machine is None:
            return
        # The first process of the PID namespace takes all others with it. Its pid cannot have been used
        # again, because its parent, `unshare`, has not been waited for.
        with suppress(ProcessLookupError):
            os.kill(self.pid or self._machine.pid, signal.SIGKILL)
        owned.thaw(self.name)  # a frozen process hears no signal, and its namespace waits for it
        self._machine.communicate()
        self.network.detach(self.name)
        self._machine, self.pid = None, 0

    def __enter__(self) -> Host:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # The test's own hands ----------------------------------------------------------------------------------

    def run(self, argv: Sequence[str], *, check: bool = True, **kw: Any) -> subprocess.CompletedProcess[str]:
        """Run as root in the host, and wait. Output is captured as text unless told otherwise."""
        options = {"text": True, "timeout": 60, "env": CLEAN_ENVIRONMENT, **kw}
        if "stdout" not in options and "stderr" not in options:
            options["capture_output"] = True
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(self._inside(argv), check=False, **options)
        if check and done.returncode:
            failed = subprocess.CalledProcessError(done.returncode, list(argv), done.stdout, done.stderr)
            failed.add_note(f"in {self.name}: {done.stdout or ''}{done.stderr or ''}")
            raise failed
        return done

    def popen(self, argv: Sequence[str], **kw: Any) -> subprocess.Popen[Any]:
        """Start as root in the host. Any signal that ends the Popen kills the process in there."""
        process = subprocess.Popen(self._inside(argv), **{"env": CLEAN_ENVIRONMENT, **kw})
        # A Popen that ends before the process inside has asked for its parent's death signal leaves it alive.
        wait_until(
            lambda: process.poll() is not None or _runs_inside(process.pid), f"{argv[0]} did not start"
        )
        return process

    def load_image(self, tar: Path, tag: str, changes: Sequence[str] = ()) -> None:
        """Make an image of a root file system. `Host(images=...)` is faster."""
        flags = (flag for change in changes for flag in ("--change", change))
        with tar.open("rb") as file:
            self.run(("docker", "import", *flags, "-", tag), stdin=file, timeout=120)

    def cut_link(self) -> None:
        self.network.set_link(self.name, "down")

    def mend_link(self) -> None:
        self.network.set_link(self.name, "up")

    def start_docker(self) -> None:
        """Start dockerd again after it was ended; its containers' shims may run on."""
        self._daemon("dockerd", DOCKERD)
        self._wait_for_docker()

    # Caddy, as Debian's unit runs it -----------------------------------------------------------------------

    def start_caddy(self) -> None:
        """Also at every boot from now on."""
        self._caddy_at_boot = True
        run = ("caddy", "run", "--environ", "--config", "/etc/caddy/Caddyfile")
        self._daemon("caddy", ("env", "HOME=/var/lib/caddy", *AS_CADDY, *MAY_BIND_PORT_80, *run))
        ready = "until curl -sf -o /dev/null http://localhost:2019/config/; do kill -0 $1; sleep 0.02; done"
        try:
            self.run(("sh", "-ec", ready, "-", str(self.caddy_pid)), timeout=10)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            log = self.path("/var/log/caddy.log").read_text(encoding="utf-8")
            raise RuntimeError(f"Caddy did not start: {log[-2000:]}") from error

    @property
    def caddy_pid(self) -> int:
        """As the host numbers it."""
        return int(self.path("/run/caddy.pid").read_text(encoding="utf-8"))

    def reload_caddy(self) -> None:
        self.run(("caddy", "reload", "--config", "/etc/caddy/Caddyfile", "--force"))

    def stop_caddy(self) -> None:
        """SIGTERM, and SIGKILL after five seconds."""
        self._end_caddy("TERM", "KILL")

    def kill_caddy(self) -> None:
        self._end_caddy("KILL")

    def _end_caddy(self, *signals: str) -> None:
        gone = "for i in $(seq 500); do kill -0 $2 2>/dev/null || exit 0; sleep 0.01; done; exit 1"
        for sig in signals:
            command = f"kill -$1 $2 2>/dev/null; {gone}"
            if self.run(("sh", "-c", command, "-", sig, str(self.caddy_pid)), check=False).returncode == 0:
                return
        raise RuntimeError(f"{self.name}: Caddy outlived {signals}")

    # -------------------------------------------------------------------------------------------------------

    def _inside(self, argv: Sequence[str]) -> tuple[str, ...]:
        if not self.pid:
            raise RuntimeError(f"{self.name} is off")
        enter = ("nsenter", f"--target={self.pid}", "--mount", "--uts", "--ipc", "--net", "--pid")
        # nsenter waits outside for the process inside: when it is killed, the other has to go as well.
        return (*enter, "setpriv", "--pdeathsig=KILL", *argv)

    def _daemon(self, name: str, argv: Sequence[str]) -> None:
        start = 'log=$1 pid=$2; shift 2; setsid "$@" >>"$log" 2>&1 </dev/null & echo $! >"$pid"'
        # A shell that goes away leaves it to the host's first process, as a daemon should be.
        self.run(("sh", "-c", f"{start}", "-", f"/var/log/{name}.log", f"/run/{name}.pid", *argv))

    def _write_ssh_config(self, host_key: Path) -> None:
        kind, key, _ = host_key.read_text(encoding="utf-8").split(" ", 2)
        self.known_hosts.write_text(f"{self.address} {kind} {key}\n", encoding="utf-8")
        settings = {
            "HostName": self.address,
            "User": self.user,
            "IdentityFile": f'"{self.network.identity_file}"',
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": f'"{self.known_hosts}"',
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "5",
        }
        lines = [f"Host {self.name}", *(f"    {key} {value}" for key, value in settings.items())]
        self.ssh_config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _ssh_answers(self) -> bool:
        with suppress(OSError), socket.create_connection((self.address, 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
        return False

    def _wait_for_docker(self) -> None:
        wait_until(self._docker_answers, f"{self.name}: dockerd does not answer: see /var/log/dockerd.log")

    def _docker_answers(self) -> bool:
        connection = http.client.HTTPConnection("docker", timeout=1)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(str(self.docker_socket))
            connection.request("GET", "/_ping")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _new_store(self, images: Sequence[Image], into: Path) -> None:
        """A store with these images, made by a dockerd that is asked to end properly."""
        with Host(self.network) as maker:
            for image in images:
                maker.load_image(image.tar, image.tag, image.changes)
            pid = maker.path("/run/dockerd.pid").read_text(encoding="utf-8").strip()
            maker.run(("sh", "-c", "kill $1; while kill -0 $1 2>/dev/null; do sleep 0.02; done", "-", pid))
            into.mkdir()
            store = maker.directory / "root/var/lib/docker"
            for part in ("image", "overlay2", "vfs"):
                if (store / part).exists():
                    (store / part).rename(into / part)


def _runs_inside(nsenter: int) -> bool:
    """True once the process inside has passed `nsenter` and `setpriv`, and is what was asked for."""
    with suppress(OSError):
        children = Path(f"/proc/{nsenter}/task/{nsenter}/children").read_text(encoding="ascii").split()
        names = [Path(f"/proc/{child}/comm").read_text(encoding="utf-8").strip() for child in children]
        return bool(names) and not {"nsenter", "setpriv"} & set(names)
    return False


def wait_until(answers: Callable[[], bool], otherwise: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not answers():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.02)
