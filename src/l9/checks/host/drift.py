"""Drift: the differences between the host and the journal's record (spec 5.3)."""

from __future__ import annotations

from shlex import quote

import msgspec

from l9.core import events as ev
from l9.core.facts import Image, Slots
from l9.core.states import Slot, SlotStatus


class Drift(msgspec.Struct, frozen=True):
    """One difference, and the command that removes it."""

    what: str
    expected: str
    found: str
    remedy: str


def find_drift(
    *,
    recorded: ev.RunFinished | None,
    root: str,
    files: tuple[str, ...],
    head: str | None,
    expected_head: str | None,
    deployed_tag: str | None,
    slots: Slots,
    active: Slot,
    image: Image | None,
) -> tuple[Drift, ...]:
    """Return all differences between the record and the host.

    `files` are the paths of the checkout at `root` that differ from its commit; `image` is the recorded release's.
    """
    if recorded is None or recorded.live is None:
        return ()
    tag, found = recorded.live, []
    back = f"l9 deploy {tag} --again"
    for path in files:
        # Removes new files and reverts edits, and keeps both in the stash.
        stash = f"git -C {quote(root)} stash push --include-untracked -- {quote(path)}"
        found.append(Drift("file", "as in the tag", f"{path} was edited", stash))
    if head != expected_head:
        found.append(Drift("checkout", f"{tag} ({str(expected_head)[:12]})", str(head)[:12], back))
    if deployed_tag != tag:
        found.append(Drift(".deployed-tag", tag, str(deployed_tag), back))
    if recorded.slot is not None and active is not recorded.slot:
        found.append(Drift("route", f"traffic to {recorded.slot}", f"to {active}", back))
    live = slots[recorded.slot or active]
    if live.release != tag or live.status is not SlotStatus.RUNNING:
        found.append(Drift("slot", f"{tag} running in {live.slot}", f"{live.release} {live.status}", back))
    elif image is not None and live.image != image.digest:
        found.append(Drift("image", image.digest, str(live.image), back))
    return tuple(found)
