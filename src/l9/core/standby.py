"""The standby slot of a finished run: it is stopped when its time is over. The step stands in that run's record."""

from __future__ import annotations

from l9.core.actions import StopSlot
from l9.core.decide import Perform
from l9.core.facts import SlotState
from l9.core.run import Run
from l9.core.states import SlotStatus, State, StepStatus


def end_of_standby(run: Run, idle: SlotState, now: float, seconds: float) -> Perform | None:
    """The step that stops the idle slot of a finished run, or None while there is nothing to stop.

    A slot stands by for so many seconds after the run, and after an attempt to stop it that failed.
    """
    if (interrupted := interrupted_stop(run)) is not None:
        return interrupted
    since = max(run.finished_at or now, run.acted_at.get(State.SHUTDOWN, 0.0))
    if idle.status is not SlotStatus.PAUSED or idle.release is None or now - since < seconds:
        return None
    return Perform(State.SHUTDOWN, len(run.steps), StopSlot(slot=idle.slot, release=idle.release))


def interrupted_stop(run: Run) -> Perform | None:
    """The stop of a standby slot that was intended, and of which nobody noted what came of it."""
    for step in run.steps_of(State.SHUTDOWN):
        if isinstance(step.action, StopSlot) and step.status is StepStatus.INTENDED:
            return Perform(step.gate, step.number, step.action)
    return None
