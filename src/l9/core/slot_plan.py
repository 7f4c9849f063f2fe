"""Which slot a release goes to, what stands there, and what may be gone back to."""

from __future__ import annotations

from typing import Any

import msgspec

from l9.core import events as ev
from l9.core.facts import Slots
from l9.core.states import Kind, Slot, SlotStatus


class SlotPlan(msgspec.Struct, frozen=True):
    """Where a run works. `wake` is the status of the wanted release where it still stands in `new`.

    `kept` are the releases that are kept on the host before the run, `retained` those that are after it.
    """

    new: Slot
    old: Slot | None
    previous: str | None
    wake: SlotStatus | None
    evict: str | None
    good: tuple[str, ...]
    kept: tuple[str, ...]
    retained: tuple[str, ...]
    created_by_run: bool

    def fields(self) -> dict[str, Any]:
        """As the fields of a `run-started` event."""
        return msgspec.structs.asdict(self)


def plan_slots(
    kind: Kind,
    tag: str,
    slots: Slots,
    active: Slot,
    last: ev.RunFinished | None,
    retain: int,
    *,
    rebuild: bool = False,
) -> SlotPlan:
    """Slots alternate: a release goes to the one that public traffic does not go to.

    `last` is how the newest run ended, None before the first. `retain` is how many releases are kept.
    With `rebuild` what stands there of the release is no longer it.
    On a host where nothing runs behind the route, there is no old slot and nothing to go back to.
    """
    live = slots[active]
    serving = live.status in (SlotStatus.RUNNING, SlotStatus.RESTARTING) and live.release is not None
    new = active.other
    standing = slots[new]
    wakes = kind is Kind.ROLLBACK and standing.release == tag and not rebuild
    kept = tuple(
        dict.fromkeys((*((live.release,) if live.release else ()), *(last.retained if last else ())))
    )
    return SlotPlan(
        new=new,
        old=active if serving else None,
        previous=live.release if serving else None,
        wake=standing.status if wakes else None,
        evict=None if wakes else standing.release,
        good=last.good if last else (),
        kept=kept,
        retained=tuple(dict.fromkeys((tag, *kept)))[:retain],
        # What stands in a slot runs from its tree, whether or not the journal knows of it.
        created_by_run=tag not in (*kept, standing.release),
    )


def previous_good(last: ev.RunFinished | None, routed: str | None = None) -> str | None:
    """The release that `rollback` without an argument goes back to: the newest good one but the routed one.

    `routed` is the release that public traffic goes to; left out, the one that the journal says is live.
    """
    if last is None:
        return None
    return next((tag for tag in last.good if tag != (routed or last.live)), None)
