"""Steps between two runs: the end of a standby, and what brings the live release back."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from l9.core import actions as do
from l9.core import events as ev
from l9.core import facts as f
from l9.core.between_runs import (
    end_of_standby,
    interrupted_stop,
    live_again,
    route_to_restore,
    to_bring_back,
)
from l9.core.decide import Perform, conclusion
from l9.core.facts import SlotState
from l9.core.run import Run, apply
from l9.core.states import Slot, SlotStatus, State
from samples import BEFORE, NOW, TAG, a_run, opened, slots

GATE = State.SHUTDOWN
STOP, PAUSE = (kind(slot=Slot.BLUE, release=BEFORE) for kind in (do.StopSlot, do.PauseSlot))
IDLE = SlotState(Slot.BLUE, SlotStatus.PAUSED, BEFORE)


def finished(*events: ev.AnyEvent, at: float = NOW) -> Run:
    """A run that paused its old slot and ended at NOW, and what was noted of it at a later time."""
    run = a_run()
    paused = (ev.ActionIntended(gate=GATE, step=0, action=PAUSE), ev.ActionDone(gate=GATE, step=0))
    for event in (*paused, conclusion(run, State.SUCCESS, NOW)):
        run = apply(run, NOW, event)
    for event in events:
        run = apply(run, at, event)
    return run


INTENDED = ev.ActionIntended(gate=GATE, step=1, action=STOP)
FAILED = ev.ActionFailed(gate=GATE, step=1, expected="it to stop", found="no engine")


@pytest.mark.parametrize(("after", "step"), [(599, None), (600, Perform(GATE, 1, STOP))])
def test_it_is_stopped_when_its_time_is_over(after: float, step: Perform | None) -> None:
    assert end_of_standby(finished(), IDLE, NOW + after, 600) == step


@pytest.mark.parametrize("changed", [{"status": "exited"}, {"status": "running"}, {"release": None}])
def test_what_does_not_stand_by_is_left_alone(changed: dict[str, Any]) -> None:
    assert end_of_standby(finished(), replace(IDLE, **changed), NOW + 9000, 600) is None


def test_a_run_that_is_not_over_has_no_standby() -> None:
    assert end_of_standby(a_run(), IDLE, NOW + 9000, 600) is None


def test_after_a_stop_that_failed_it_stands_by_once_more() -> None:
    run = finished(INTENDED, FAILED, at=NOW + 600)
    assert end_of_standby(run, IDLE, NOW + 1199, 600) is None
    assert end_of_standby(run, IDLE, NOW + 1200, 600) == Perform(GATE, 2, STOP)


def test_a_stop_that_was_interrupted_is_taken_up_under_its_number_whatever_is_there() -> None:
    run = finished(INTENDED)
    assert interrupted_stop(run) == Perform(GATE, 1, STOP)
    assert end_of_standby(run, replace(IDLE, status="exited"), NOW, 600) == Perform(GATE, 1, STOP)
    assert interrupted_stop(finished(INTENDED, ev.ActionDone(gate=GATE, step=1))) is None
    assert interrupted_stop(finished()) is None


def test_a_pause_that_was_interrupted_is_no_stop() -> None:
    run = apply(a_run(), NOW, ev.ActionIntended(gate=GATE, step=0, action=PAUSE))
    assert interrupted_stop(apply(run, NOW, conclusion(run, State.FAIL_STATE, NOW))) is None


# ── what brings the live release back ────────────────────────────────────────────────────────────

DONE = ev.RunFinished(
    outcome=State.SUCCESS, live=TAG, slot=Slot.GREEN, standby=BEFORE, exit_code=0, seconds=9.0
)
GONE = {"status": "absent", "release": None}
ASLEEP: dict[str, Any] = {"old": {"status": "paused"}}


@pytest.mark.parametrize(
    ("done", "found", "active", "restores", "brings"),
    [
        (DONE, slots(**ASLEEP), Slot.BLUE, True, TAG),
        (DONE, slots(**ASLEEP), Slot.GREEN, False, None),
        (DONE, slots(old={"status": "running"}), Slot.BLUE, False, None),
        (DONE, slots(**ASLEEP, new={"status": "exited"}), Slot.BLUE, False, TAG),
        (DONE, slots(**ASLEEP, new={"status": "exited"}), Slot.GREEN, False, TAG),
        (DONE, slots(**ASLEEP, new={"release": "v9.9.9-l9"}), Slot.BLUE, False, None),
        (replace(DONE, retained=(TAG,)), slots(**ASLEEP, new=GONE), Slot.GREEN, False, TAG),
        (DONE, slots(**ASLEEP, new=GONE), Slot.GREEN, False, None),
        (replace(DONE, retained=(TAG,)), slots(**ASLEEP, new={"release": "v9.9.9-l9"}), Slot.BLUE, False, None),
        (replace(DONE, slot=None), slots(**ASLEEP), Slot.BLUE, False, None),
        (replace(DONE, live=None), slots(**ASLEEP), Slot.BLUE, False, None),
        (replace(DONE, live=None), slots(**ASLEEP, new={"release": None}), Slot.BLUE, False, None),
    ],
    ids=[
        "the flag names a standby", "all is well", "another one serves", "stopped, and the flag names a standby",
        "stopped", "another release in its slot", "its container is gone", "it is not kept",
        "it is kept, and another release has its slot",
        "no slot on record", "nothing live on record", "nothing live on record, and something of no release runs",
    ],
)  # fmt: skip
def test_the_live_release_is_brought_back_where_it_still_stands(
    done: ev.RunFinished, found: f.Slots, active: Slot, restores: bool, brings: str | None
) -> None:
    step = route_to_restore(a_run(), done, found, active)
    assert (step is not None) == restores
    if step is not None:
        assert step.action == do.SwitchRoute(to=Slot.GREEN, back=Slot.BLUE)
    assert to_bring_back(done, found, active) == brings
    assert to_bring_back(None, found, active) is None


# ── a run that goes on after its end ─────────────────────────────────────────────────────────────

UP_AGAIN = (
    do.WakeSlot(slot=Slot.GREEN, release=TAG, was=SlotStatus.RUNNING),
    do.SwitchRoute(to=Slot.GREEN, back=Slot.GREEN),
)
CLOSED = ev.GateClosed(gate=State.CLEANUP, findings=())
PROVED = {State.BAKE: opened(State.BAKE)}
FAILED_RUN = replace(DONE, outcome=State.FAIL_STATE, exit_code=5)


@pytest.mark.parametrize(
    ("run", "gate"),
    [
        (a_run(), None),
        (replace(a_run(), finished=DONE), State.WATCH),
        (replace(a_run(), finished=replace(DONE, live=None)), None),
        (replace(a_run(), finished=replace(DONE, slot=None)), None),
        (replace(a_run(), finished=DONE, aborted="by hand"), State.ROLLBACK),
        (replace(a_run(), finished=FAILED_RUN, aborted="by hand"), None),
        (replace(a_run(), finished=FAILED_RUN, closed=CLOSED, opened=PROVED), State.WATCH),
        (replace(a_run(), finished=FAILED_RUN), State.WATCH),
    ],
    ids=[
        "it is not over", "a service stopped", "nothing is live", "nobody knows where", "it went back, and ended well",
        "its rollback is stuck", "it kept its release", "it is not well",
    ],
)  # fmt: skip
def test_what_is_live_is_brought_up_first(run: Run, gate: State | None) -> None:
    wanted = () if gate is None else tuple(Perform(gate, n, action) for n, action in enumerate(UP_AGAIN))
    assert live_again(run) == wanted
