"""A bridge in a namespace of its own, with a leg in the root namespace ("the laptop") and one in every host.

The bridge is not in the root namespace because that one's packet filter, which is not ours to touch, would
see every frame.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from hosts import owned


class Network:
    """Addresses 10.77.N.0/24: the laptop is .1, the hosts follow."""

    def __init__(self) -> None:
        owned.sweep()
        self.name = owned.new_name()
        self.directory = owned.new_directory(self.name)
        self._bridge = subprocess.Popen(
            # Ends when the test process does: its standard input closes then.
            ("unshare", "--net", "cat"),
            stdin=subprocess.PIPE,
        )
        try:
            self._subnet = _free_subnet()
            self._last = 1
            self._wait_for_namespace()
            owned.record(self.directory, self._bridge.pid)
            ip(f"link add {self.name} type veth peer name laptop netns {self._bridge.pid}")
            ip(f"address add {self.laptop}/24 dev {self.name}", f"link set {self.name} up")
            self._on_bridge("link add bridge type bridge", "link set bridge up")
            self._on_bridge("link set laptop master bridge", "link set laptop up")
            self.identity_file = self.directory / "id_ed25519"
            make_key(self.identity_file, "l9-test")
        except BaseException:
            self.close()
            raise

    @property
    def laptop(self) -> str:
        return f"{self._subnet}.1"

    def new_address(self) -> str:
        self._last += 1
        return f"{self._subnet}.{self._last}"

    def attach(self, host: str, pid: int, address: str) -> None:
        """Give the network namespace of `pid` an eth0 with this address, and the same MAC at every boot."""
        mac = ":".join(f"{byte:02x}" for byte in (0x02, 0x6C, *map(int, address.split("."))))
        self._on_bridge(f"link add {host} type veth peer name eth0 address {mac} netns {pid}")
        self._on_bridge(f"link set {host} master bridge", f"link set {host} up")
        ip(f"address add {address}/24 dev eth0", "link set eth0 up", inside=pid)

    def detach(self, host: str) -> None:
        with suppress(subprocess.CalledProcessError):  # gone already, with the host's namespace
            self._on_bridge(f"link delete {host}")

    def set_link(self, host: str, state: str) -> None:
        """Carrier and packets of a host's leg: `up` or `down`, from outside of the host."""
        self._on_bridge(f"link set {host} {state}")

    def close(self) -> None:
        self._bridge.kill()
        self._bridge.communicate()
        owned.discard(self.directory)

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _on_bridge(self, *commands: str) -> None:
        ip(*commands, inside=self._bridge.pid)

    def _wait_for_namespace(self) -> None:
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self._bridge.pid}/ns/net") == own:
            if self._bridge.poll() is not None:
                raise RuntimeError("unshare --net failed: are the capabilities of root missing?")


def ip(*commands: str, inside: int | None = None) -> None:
    enter = () if inside is None else ("nsenter", f"--target={inside}", "--net")
    argv = (*enter, "ip", "-batch", "-")
    subprocess.run(argv, input="\n".join(commands), text=True, check=True, capture_output=True)


def make_key(path: Path, comment: str) -> None:
    argv = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path))
    subprocess.run(argv, check=True, capture_output=True)


def _free_subnet() -> str:
    taken = subprocess.run(("ip", "-4", "route"), check=True, capture_output=True, text=True).stdout
    start = os.getpid() % 250
    for step in range(250):
        subnet = f"10.77.{1 + (start + step) % 250}"
        if f"{subnet}." not in taken:
            return subnet
    raise RuntimeError("no free network in 10.77.0.0/16: `ip link` shows links of dead test runs as l9t-*")
