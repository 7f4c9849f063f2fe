"""Provisions one host: inspect it, plan the changes, and apply them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from l9.config.model import Target
from l9.drivers.ssh import client as ssh
from l9.errors import Unreachable
from l9.provision import bundle, link, wheels
from l9.provision.changes import CaddySite, Change, Clone, InstallAgent, InstallPackages, WriteFile
from l9.provision.errors import HalfProvisioned, failed
from l9.provision.needs import Need, needs, refuse_old_python
from l9.provision.neighbours import is_by_root
from l9.provision.plan import plan, split
from l9.provision.snapshot import HostSnapshot
from l9.provision.wanted import Wanted

OnChange = Callable[[Change, float], None]


@dataclass(frozen=True, slots=True)
class Look:
    """One inspection of a host: the target, its snapshot, the changes, those left to root, and unmet requirements."""

    wanted: Wanted
    snapshot: HostSnapshot
    changes: tuple[Change, ...]
    left: tuple[Change, ...]
    needs: tuple[Need, ...]


def look(wanted: Wanted, example: str | None) -> Look:
    """Inspect the host; nothing changes. Raises Unreachable, HostUnfit."""
    target = wanted.config.target
    snapshot: HostSnapshot | None = None
    for message in link.run(target, link.look_program(wanted.question())):
        if message["type"] == "seen":
            snapshot = msgspec.convert(message["seen"], HostSnapshot)
    if snapshot is None:
        raise _dropped(target)
    refuse_old_python(snapshot, target)
    wanted = replace(wanted, by_root=is_by_root(wanted, snapshot))
    changes, left = split(plan(wanted, snapshot, bundle.agent_version(snapshot.python)), snapshot)
    return Look(wanted, snapshot, changes, left, needs(wanted, snapshot, example))


def apply(wanted: Wanted, snapshot: HostSnapshot, changes: tuple[Change, ...], on_change: OnChange) -> None:
    """Make exactly these changes; `on_change` is called after each, with its seconds.

    Raises ChangeRefused (nothing was changed), ChangeUndone, LiveReleaseLost, HalfProvisioned, Unreachable,
    ActionError (no compatible wheel).
    """
    target, sent = wanted.config.target, {}
    if any(isinstance(change, InstallAgent) for change in changes):
        packed = wheels.agent_wheels(snapshot.python)
        sent = {name: base64.b64encode(data).decode() for name, data in packed.items()}
    text = link.apply_program(
        [msgspec.to_builtins(change) for change in changes],
        sent,
        str(wanted.layout.lock),
        settings=wanted.known_settings,
        wanted=wanted.asked,
        moves_at=_moves_at(wanted, changes),
    )
    done: list[int] = []
    long = any(isinstance(change, Clone | InstallPackages) for change in changes)
    for message in _all(target, text, done, link.LONG_LIMIT if long else link.CHANGE_LIMIT):
        if message["type"] == "failed":
            raise failed(wanted, changes, message, done)
        done.append(message["index"])
        on_change(changes[message["index"]], message["seconds"])
    if len(done) < len(changes):
        raise (
            _dropped(target)
            if not done
            else _half(target, "the program on the host ended early", "no reason given")
        )


def _all(target: Target, text: str, done: list[int], limit: float) -> Iterator[dict[str, Any]]:
    """Yield the host's messages. Raises HalfProvisioned if the connection is lost after the first change."""
    try:
        yield from link.run(target, text, limit)
    except Unreachable as error:
        if done:
            raise _half(target, "the connection was lost after some changes", error.found) from None
        raise


def _moves_at(wanted: Wanted, changes: tuple[Change, ...]) -> int:
    """Return the change from which on the live release has to answer at the wanted address: the last that moves it."""
    moving = [
        index
        for index, change in enumerate(changes)
        if isinstance(change, CaddySite) or (isinstance(change, WriteFile) and change.path == wanted.settings)
    ]
    return moving[-1] if moving else len(changes)


def _half(target: Target, message: str, found: str) -> HalfProvisioned:
    return HalfProvisioned(
        f"{message}; run `l9 provision` again to make the rest",
        expected="all changes made",
        found=found,
        remedy=ssh.by_hand(target, "true"),
    )


def _dropped(target: Target) -> Unreachable:
    return Unreachable(
        f"{target.host} did not answer",
        expected="a complete answer",
        found="end of stream",
        remedy=ssh.by_hand(target, "python3 --version"),
    )
