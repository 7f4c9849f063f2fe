"""What was seen on the host, as frozen facts; the planner's only input besides what is wanted."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Base: frozen; new fields of a newer host side are let pass."""


class Me(Fact, frozen=True):
    """The user that ssh logs in as."""

    user: str
    uid: int
    group: str
    home: str = ""


class System(Fact, frozen=True):
    """From /etc/os-release."""

    id: str = ""
    version: str = ""
    name: str = "an unknown system"


class Python(Fact, frozen=True):
    """The Python that the agent would run on. `libc` is name and version, as platform.libc_ver() has it."""

    version: tuple[int, int, int]
    executable: str
    tag: str
    machine: str
    system: str = "linux"
    libc: tuple[str, str] = ("glibc", "2.17")


class Docker(Fact, frozen=True):
    """Versions; empty for what does not answer. `problem` is what docker says about that."""

    engine: str = ""
    compose: str = ""
    problem: str = ""


class Caddy(Fact, frozen=True):
    """`loaded`: whether the running configuration has this app's site; None where Caddy does not tell."""

    program: str
    version: str = ""
    running: bool = False
    user: str = ""
    group: str = ""
    members: tuple[str, ...] = ()
    loaded: bool | None = None


class Root(Fact, frozen=True):
    """The target's directory. `free`: there, and nothing of others in it. `strangers`: names that are in the way."""

    kind: Literal["missing", "free", "clone", "other"] = "missing"
    makeable: bool = True
    mode: int = 0o755
    owner: str = ""
    group: str = ""
    strangers: tuple[str, ...] = ()


class Origin(Fact, frozen=True):
    """The clone's origin; without a clone, whether the wanted repository can be read from the host."""

    url: str = ""
    reachable: bool | None = None
    said: str = ""


class Entry(Fact, frozen=True):
    """One path. `hidden`: we may not look. A file's text is None where it is too large to be ours."""

    kind: Literal["file", "directory", "link", "other", "hidden"]
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    text: str | None = None

    @property
    def digest(self) -> str | None:
        """SHA-256 of the text's bytes, in hexadecimal."""
        if self.text is None:
            return None
        return hashlib.sha256(self.text.encode("utf-8", "surrogateescape")).hexdigest()


class Agent(Fact, frozen=True):
    """The version in use, and all that are installed, newest first; as digests."""

    current: str | None = None
    installed: tuple[str, ...] = ()


class HostSnapshot(Fact, frozen=True):
    """One host at one moment. `free` is bytes; `timers` are those that run; `closed` keeps Caddy from the path.

    sites: what l9 wrote there for other targets, file to text. instances: the same for the settings of all targets
    that root provisioned. agents: by the directory that they lie in.
    """

    me: Me
    python: Python
    hostname: str = ""
    sudo: bool = False
    system: System = System()
    programs: dict[str, str] = {}
    docker: Docker | None = None
    systemd: bool = False
    cron: bool = False
    caddy: Caddy | None = None
    closed: tuple[str, ...] = ()
    sites: dict[str, str] = {}
    instances: dict[str, str] = {}
    path: Root = Root()
    origin: Origin = Origin()
    exclude: tuple[str, ...] = ()
    entries: dict[str, Entry | None] = {}
    agents: dict[str, Agent] = {}
    timers: tuple[str, ...] = ()
    free: int = 1 << 40

    @property
    def is_root(self) -> bool:
        return self.me.uid == 0

    @property
    def may_root(self) -> bool:
        """Provisioning can act as root: it logs in as root, or has sudo without a password."""
        return self.is_root or self.sudo

    def file(self, path: str) -> Entry | None:
        """The file at a path; None for none, or for none that we may look at."""
        found = self.entries.get(path)
        return found if found is not None and found.kind == "file" else None
