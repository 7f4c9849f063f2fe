"""Drift: the differences between the host and the journal's record (spec 5.3)."""

from __future__ import annotations

from shlex import quote

import msgspec

from l9.core import events as ev
from l9.core.between_runs import to_bring_back
from l9.core.facts import Answering, Image, Slots
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
    answer: Answering,
    running: bool,
    outdated: str | None = None,
    behind: int | None = None,
    stopped: tuple[str, ...] = (),
) -> tuple[Drift, ...]:
    """Return all differences between the record and the host.

    `files` are the paths of the checkout at `root` that differ from its commit; `image` is the recorded release's;
    `answer` came through the public route; `running`: a run is in progress; `outdated` is the run that wrote the host's
    files, if the journal does not know it; `behind` as in `public_drift`; `stopped` are the services that the
    live release needs and that do not run.
    """
    if recorded is None or recorded.live is None:
        return _without_record(deployed_tag, slots)
    if (
        outdated is not None
    ):  # an old record: all other differences, and their remedies, would be of an older release
        named, again = (
            f"run {outdated}, which .deployed-metadata.json names",
            f"l9 deploy {deployed_tag} --again",
        )
        return (Drift("journal", named, "no such run, or only its beginning", again),)
    tag, found = recorded.live, []
    back = f"l9 deploy {tag} --again"
    here = "l9 resume" if to_bring_back(recorded, slots, active) else back
    for path in files:
        # Removes new files and reverts edits, and keeps both in the stash.
        stash = f"git -C {quote(root)} stash push --include-untracked -- {quote(path)}"
        found.append(Drift("file", "as in the tag", f"{path} was edited", stash))
    if head != expected_head:
        found.append(Drift("checkout", f"{tag} ({str(expected_head)[:12]})", str(head)[:12], back))
    if deployed_tag != tag:
        found.append(Drift(".deployed-tag", tag, str(deployed_tag), back))
    if recorded.slot is not None and active is not recorded.slot:
        found.append(Drift("route", f"traffic to {recorded.slot}", f"to {active}", here))
    live = slots[recorded.slot or active]
    if live.release != tag or live.status is not SlotStatus.RUNNING:
        found.append(Drift("slot", f"{tag} running in {live.slot}", f"{live.release} {live.status}", here))
    elif image is not None and live.image != image.digest:
        found.append(Drift("image", image.digest, str(live.image), back))
    found += [Drift("service", f"{name} running", "stopped", "l9 resume") for name in stopped if not running]
    idle = slots[live.slot.other]
    if idle.serves and not running:
        found.append(
            Drift(
                "slot", f"{idle.slot} stopped or paused", f"{idle.release} {idle.status} in {idle.slot}", back
            )
        )
    if (
        not running
        and (public := public_drift(live.slot, tag, active, answer, behind, comes_back=here != back))
        is not None
    ):
        found.append(public)
    return tuple(found)


def _without_record(deployed_tag: str | None, slots: Slots) -> tuple[Drift, ...]:
    """A host that has releases, and a journal that knows of none: it was emptied, or restored from a backup."""
    serving = [slots[slot] for slot in Slot if slots[slot].serves]
    if deployed_tag is None and not serving:
        return ()
    seen = [f"{slot.release} runs in {slot.slot}" for slot in serving]
    seen += [f".deployed-tag says {deployed_tag}"] if deployed_tag else []
    tag = deployed_tag or serving[0].release
    return (Drift("journal", "a record of the live release", ", ".join(seen), f"l9 deploy {tag} --again"),)


def public_drift(
    slot: Slot,
    tag: str | None,
    active: Slot,
    answer: Answering,
    behind: int | None = None,
    *,
    comes_back: bool = False,
) -> Drift | None:
    """The difference between the live release and what the public route answers; `active` is what the flag names.

    behind: the status that the slot itself answers where the route answers with an error; None if it does not answer.
    comes_back: `l9 resume` starts the release again.
    """
    if not answer.differs(slot, tag) and answer.status not in (502, 504):
        return None
    if comes_back and answer.status is not None:
        remedy = "l9 resume"
    elif answer.status is None:
        remedy = "l9 resume" if answer.accepted else "systemctl status caddy"
    elif answer.slot is slot:
        remedy = elsewhere(behind)
    elif active is slot or tag is None:
        remedy = "l9 provision"
    else:
        remedy = f"l9 deploy {tag} --again"
    return Drift("public route", f"{tag or 'an answer'} from {slot}", answer.found, remedy)


def elsewhere(behind: int | None) -> str:
    """Return the next command where the route names the slot and answers with an error, and the slot this status."""
    return "l9 provision" if behind is not None and behind < 500 else "l9 logs"
