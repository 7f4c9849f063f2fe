"""`l9 provision`."""

from __future__ import annotations

import msgspec

from l9.protocol.answers.answer import Answer


class PlannedChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change to a host. `root`: it needs root. `commands`: the commands to type, if it is left to a person."""

    kind: str
    title: str
    root: bool
    diff: tuple[str, ...]
    commands: tuple[str, ...] = ()


class HostNeed(msgspec.Struct, frozen=True, kw_only=True):
    """An action for a person. `blocking`: without it no deploy can succeed."""

    what: str
    expected: str
    observed: str
    remedy: str
    blocking: bool


class InstalledAgent(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's version in use, and all that are installed, newest first; as digests."""

    current: str | None
    installed: tuple[str, ...]


class SeenHost(msgspec.Struct, frozen=True, kw_only=True):
    """The observed host. `caddy` and `docker` are versions, None if not installed."""

    hostname: str
    user: str
    system: str
    python: str
    caddy: str | None
    docker: str | None


class Provision(Answer, frozen=True, kw_only=True, tag="l9.provision/1"):
    """`l9 provision`: the changes made, the changes planned, and the actions for a person."""

    target: str
    host: str
    path: str
    dry_run: bool
    changed: bool
    ready: bool
    made: tuple[PlannedChange, ...]
    planned: tuple[PlannedChange, ...]
    left: tuple[PlannedChange, ...]
    needs: tuple[HostNeed, ...]
    agent: InstalledAgent
    seen: SeenHost
    seconds: float
