"""Steps outside the rows, recorded in the newest run: the end of a standby, and what brings the live release back."""

from __future__ import annotations

from l9.core import events as ev
from l9.core.actions import StopSlot, SwitchRoute, WakeSlot
from l9.core.decide import Perform
from l9.core.facts import Slots, SlotState
from l9.core.run import Run
from l9.core.states import Slot, SlotStatus, State, StepStatus


def end_of_standby(run: Run, idle: SlotState, now: float, seconds: float) -> Perform | None:
    """The step that stops the idle slot of a finished run, or None if there is nothing to stop yet.

    A slot stays on standby for `seconds` after the run, and after a failed attempt to stop it.
    """
    if (interrupted := interrupted_stop(run)) is not None:
        return interrupted
    finished = run.finished_at or now
    since = max(finished, run.acted_at.get(State.SHUTDOWN, finished))
    if idle.status is not SlotStatus.PAUSED or idle.release is None or now - since < seconds:
        return None
    return Perform(State.SHUTDOWN, len(run.steps), StopSlot(slot=idle.slot, release=idle.release))


def interrupted_stop(run: Run) -> Perform | None:
    """The stop of a standby slot that was intended and has no recorded result."""
    for step in run.steps_of(State.SHUTDOWN):
        if isinstance(step.action, StopSlot) and step.status is StepStatus.INTENDED:
            return Perform(step.gate, step.number, step.action)
    return None


def route_to_restore(run: Run, done: ev.RunFinished, slots: Slots, active: Slot) -> Perform | None:
    """The step that sends public traffic to the live release on record; None if traffic reaches a running slot.

    Without it, the next run would take the slot of the good release for an idle one.
    """
    if done.live is None or done.slot is None or slots[active].serves:
        return None
    there = slots[done.slot]
    if there.release != done.live or not there.serves:
        return None
    return Perform(State.ROLLBACK, len(run.steps), SwitchRoute(to=done.slot, back=active))


def live_again(run: Run) -> tuple[Perform, ...]:
    """The steps that a finished run takes first when it goes on: what is live runs, with its services and its users.

    None for a run whose rollback did not come through: that does all this, in its own order.
    """
    done = run.finished
    stuck = run.outcome is State.FAIL_STATE and run.going_back and not run.kept_on and not run.unwell
    if stuck or done is None or done.live is None or done.slot is None:
        return ()
    # They belong to the gate that watches the release, which begins after them.
    gate, number = State.ROLLBACK if run.going_back and not run.kept_on else State.WATCH, len(run.steps)
    wake = WakeSlot(slot=done.slot, release=done.live, was=SlotStatus.RUNNING)
    return Perform(gate, number, wake), Perform(gate, number + 1, SwitchRoute(to=done.slot, back=done.slot))


def to_bring_back(done: ev.RunFinished | None, slots: Slots, active: Slot) -> str | None:
    """The live release on record, if public traffic reaches no running one and no other has its slot; otherwise None.

    Its container may be gone, if the release is still kept.
    """
    if done is None or done.slot is None or slots[active].serves:
        return None
    there = slots[done.slot].release
    return done.live if there == done.live or (there is None and done.live in done.retained) else None
