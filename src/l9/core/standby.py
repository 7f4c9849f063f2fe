"""The standby slot of a finished run is stopped after its time. The step is recorded in that run."""

from __future__ import annotations

from l9.core.actions import StopSlot
from l9.core.decide import Perform
from l9.core.facts import SlotState
from l9.core.run import Run
from l9.core.states import SlotStatus, State, StepStatus


def end_of_standby(run: Run, idle: SlotState, now: float, seconds: float) -> Perform | None:
    """The step that stops the idle slot of a finished run, or None if there is nothing to stop yet.

    A slot stays on standby for `seconds` after the run, and after a failed attempt to stop it.
    """
    if (interrupted := interrupted_stop(run)) is not None:
        return interrupted
    since = max(run.finished_at or now, run.acted_at.get(State.SHUTDOWN, 0.0))
    if idle.status is not SlotStatus.PAUSED or idle.release is None or now - since < seconds:
        return None
    return Perform(State.SHUTDOWN, len(run.steps), StopSlot(slot=idle.slot, release=idle.release))


def interrupted_stop(run: Run) -> Perform | None:
    """The stop of a standby slot that was intended and has no recorded result."""
    for step in run.steps_of(State.SHUTDOWN):
        if isinstance(step.action, StopSlot) and step.status is StepStatus.INTENDED:
            return Perform(step.gate, step.number, step.action)
    return None
