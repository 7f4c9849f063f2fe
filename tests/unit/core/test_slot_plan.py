"""Test cases for choosing a release's slot, and for the account of what stands there."""

from __future__ import annotations

from typing import Any

import pytest

from l9.core import events as ev
from l9.core.facts import Slots, SlotState
from l9.core.slot_plan import SlotPlan, plan_slots, previous_good
from l9.core.states import Kind, Slot, SlotStatus, State
from samples import BEFORE, TAG, started

OLDER = "v0.4.0-l9"


def host(blue: tuple[str, str | None], green: tuple[str, str | None] = ("absent", None)) -> Slots:
    return Slots(_state(Slot.BLUE, *blue), _state(Slot.GREEN, *green))


def _state(slot: Slot, status: str, release: str | None) -> SlotState:
    return SlotState(slot, SlotStatus(status), release)


def ended(*good: str, retained: tuple[str, ...] = ()) -> ev.RunFinished:
    return ev.RunFinished(
        outcome=State.SUCCESS,
        live=good[0] if good else None,
        slot=Slot.BLUE,
        standby=None,
        exit_code=0,
        seconds=1.0,
        good=good,
        retained=retained or good,
    )


LIVE = host(("running", BEFORE))
BOTH = host(("running", BEFORE), ("paused", TAG))


def placed(
    slots: Slots, last: ev.RunFinished | None, kind: Kind = Kind.DEPLOY, active: Slot = Slot.BLUE
) -> SlotPlan:
    return plan_slots(kind, TAG, slots, active, last, retain=3)


def test_on_an_empty_host_nobody_reaches_a_release_before_it_was_judged() -> None:
    assert placed(host(("absent", None)), None) == SlotPlan(
        new=Slot.GREEN,
        old=None,
        previous=None,
        wake=None,
        evict=None,
        good=(),
        kept=(),
        retained=(TAG,),
        created_by_run=True,
        active=Slot.BLUE,
    )


def test_a_release_goes_to_the_slot_without_traffic() -> None:
    assert placed(LIVE, ended(BEFORE)) == SlotPlan(
        new=Slot.GREEN,
        old=Slot.BLUE,
        previous=BEFORE,
        wake=None,
        evict=None,
        good=(BEFORE,),
        kept=(BEFORE,),
        retained=(TAG, BEFORE),
        created_by_run=True,
        active=Slot.BLUE,
        recorded=BEFORE,
        recorded_slot=Slot.BLUE,
    )


def test_what_stands_in_the_idle_slot_is_evicted_and_the_same_release_too() -> None:
    assert placed(host(("running", BEFORE), ("paused", OLDER)), ended(BEFORE, OLDER)).evict == OLDER
    assert placed(BOTH, ended(BEFORE)).evict == TAG


def test_a_rollback_wakes_what_still_stands_in_the_idle_slot() -> None:
    warm = placed(BOTH, ended(BEFORE, TAG), Kind.ROLLBACK)
    assert (warm.wake, warm.evict, warm.created_by_run) == ("paused", None, False)
    cold = placed(host(("running", BEFORE), ("paused", OLDER)), ended(BEFORE, TAG), Kind.ROLLBACK)
    assert (cold.wake, cold.evict) == (None, OLDER)


@pytest.mark.parametrize(
    ("status", "old"), [("running", Slot.BLUE), ("restarting", Slot.BLUE), ("exited", None), ("paused", None)]
)
def test_a_live_slot_that_does_not_run_is_nothing_to_go_back_to(status: str, old: Slot | None) -> None:
    found = placed(host((status, BEFORE)), ended(BEFORE))
    # It keeps its slot all the same: what is left in it may be wanted to see why it died.
    assert (found.new, found.old, found.previous) == (Slot.GREEN, old, BEFORE if old else None)
    assert found.retained == (TAG, BEFORE)


def test_what_is_kept_is_named_once_newest_first_and_no_more_than_asked_for() -> None:
    last = ended(BEFORE, TAG, OLDER, retained=(BEFORE, TAG, OLDER, "v0.3.0-l9"))
    found = placed(LIVE, last)
    assert found.retained == (TAG, BEFORE, OLDER)
    assert not found.created_by_run


def test_it_fills_the_start_of_a_run() -> None:
    found = placed(LIVE, ended(BEFORE))
    run = started(**found.fields())
    filled: dict[str, Any] = {name: getattr(run, name) for name in found.fields()}
    assert SlotPlan(**filled) == found


def test_the_release_to_go_back_to() -> None:
    assert previous_good(None) is None
    assert previous_good(ended(BEFORE)) is None
    assert previous_good(ended(TAG, BEFORE, OLDER)) == BEFORE
