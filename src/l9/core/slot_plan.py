"""The slot that a release goes to, and the releases that a rollback may go to.

Rules:
- Slots alternate: a release goes to the slot that public traffic does not go to.
- A rollback wakes its release if it is still in that slot. Any other release there is evicted.
- A rollback to the release that the route names, and that does not run, wakes it where it is.
- `rollback` without an argument goes to the newest good release other than the live one.
"""

from __future__ import annotations

from typing import Any

import msgspec

from l9.core import events as ev
from l9.core.facts import Slots
from l9.core.states import Kind, Slot, SlotStatus


class SlotPlan(msgspec.Struct, frozen=True):
    """The slots of a run. `wake` is the status of the wanted release if it is still in `new`.

    `kept` are the releases kept on the host before the run, `retained` those after it.
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
    active: Slot
    recorded: str | None = None
    recorded_slot: Slot | None = None
    woken_restarts: int = 0
    woken_oom: bool = False

    def fields(self) -> dict[str, Any]:
        """The fields of a `run-started` event."""
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
    """Plan the slots of a run.

    `last` is the end of the newest run, None before the first. `retain` is the number of releases to keep.
    With `rebuild` the release in the slot is evicted rather than woken.
    If nothing runs behind the route, there is no old slot and no previous release.
    """
    live = slots[active]
    serving = live.status in (SlotStatus.RUNNING, SlotStatus.RESTARTING) and live.release is not None
    # A release that is to be live again may be in the slot that the route names, and not running.
    again = kind is Kind.ROLLBACK and live.release == tag and not serving and not rebuild
    new = active if again else active.other
    idle = slots[new]
    wakes = kind is Kind.ROLLBACK and idle.release == tag and not rebuild
    goes_on = wakes and idle.status in (
        SlotStatus.PAUSED,
        SlotStatus.RUNNING,
    )  # an ended one starts with its counts at zero
    kept = tuple(
        dict.fromkeys((*((live.release,) if live.release else ()), *(last.retained if last else ())))
    )
    return SlotPlan(
        new=new,
        old=active if serving else None,
        previous=live.release if serving else None,
        wake=idle.status if wakes else None,
        evict=None if wakes else idle.release,
        good=last.good if last else (),
        kept=kept,
        retained=tuple(dict.fromkeys((tag, *kept)))[:retain],
        # A release in a slot runs from its tree, even if the journal does not know it.
        created_by_run=tag not in (*kept, idle.release),
        active=active,
        recorded=last.live if last else None,
        recorded_slot=last.slot if last else None,
        woken_restarts=idle.restarts if goes_on else 0,
        woken_oom=goes_on and idle.oom_killed,
    )


def previous_good(last: ev.RunFinished | None, routed: str | None = None) -> str | None:
    """The release that `rollback` without an argument goes to: the newest good one other than the routed one.

    `routed` is the release that public traffic goes to; by default the live one according to the journal.
    """
    if last is None:
        return None
    return next((tag for tag in last.good if tag != (routed or last.live)), None)
