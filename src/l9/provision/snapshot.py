"""The observed state of a host, as frozen facts; with the wanted state, the planner's only input."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Base: frozen; unknown fields are ignored."""


class Me(Fact, frozen=True):
    """The user that ssh logs in as."""

    user: str
    uid: int
    group: str
    home: str = ""


class System(Fact, frozen=True):
    """The distribution, from /etc/os-release."""

    id: str = ""
    version: str = ""
    name: str = "an unknown system"


class Python(Fact, frozen=True):
    """The Python that the agent would run on. `libc` is name and version, from platform.libc_ver()."""

    version: tuple[int, int, int]
    executable: str
    tag: str
    machine: str
    system: str = "linux"
    libc: tuple[str, str] = ("glibc", "2.17")


class Docker(Fact, frozen=True):
    """The versions, empty if there is no answer. `problem` is the error message of docker."""

    engine: str = ""
    compose: str = ""
    problem: str = ""


class Caddy(Fact, frozen=True):
    """Caddy on the host. `loaded`: the running configuration has this app's site; None if unknown."""

    program: str
    version: str = ""
    running: bool = False
    user: str = ""
    group: str = ""
    members: tuple[str, ...] = ()
    loaded: bool | None = None


class Root(Fact, frozen=True):
    """The target's directory. `free`: exists, without files of others. `strangers`: names of such files."""

    kind: Literal["missing", "free", "clone", "other"] = "missing"
    makeable: bool = True
    mode: int = 0o755
    owner: str = ""
    group: str = ""
    strangers: tuple[str, ...] = ()


class Origin(Fact, frozen=True):
    """The clone's origin; without a clone, `reachable`: the wanted repository can be read from the host."""

    url: str = ""
    reachable: bool | None = None
    said: str = ""


class Entry(Fact, frozen=True):
    """One path. `hidden`: permission denied. A file's text is None if it is too large to be ours."""

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
    """The digests of the version in use and of all installed versions, newest first."""

    current: str | None = None
    installed: tuple[str, ...] = ()


class Live(Fact, frozen=True):
    """The release that answered through the public route; `found` is its answer in one line."""

    slot: Literal["blue", "green"]
    release: str
    found: str = ""


class HostSnapshot(Fact, frozen=True):
    """One host at one moment. `free`: bytes. `timers`: active ones. `closed`: directories that Caddy cannot enter.

    sites: files that l9 wrote for other targets, path to text. instances: the settings of all targets that root
    provisioned, path to text. agents: by the directory that contains them. listening: TCP port to the name of the
    program that listens on it, empty if that may not be seen. live: None if no release answers.
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
    listening: dict[str, str] = {}
    live: Live | None = None

    @property
    def is_root(self) -> bool:
        return self.me.uid == 0

    @property
    def may_root(self) -> bool:
        """True if provisioning can act as root: it logs in as root, or has passwordless sudo."""
        return self.is_root or self.sudo

    def file(self, path: str) -> Entry | None:
        """Return the file at a path; None if there is none, or if permission was denied."""
        found = self.entries.get(path)
        return found if found is not None and found.kind == "file" else None
