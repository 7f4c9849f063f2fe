"""A release that wakes from a pause is judged by what it does after the wake: its first noise may end by itself.

A server that watches its workers by the clock kills and replaces them when it wakes, and logs that as critical
(gunicorn: WORKER TIMEOUT). That is not what it was like before, nor what it will be like.
"""

from __future__ import annotations

from l9.checks.context import Context
from l9.checks.host.health import Streak
from l9.core.run import Run
from l9.core.states import SlotStatus

NOISY = 5.0  # seconds after the wake in which errors in the log are noise, if they end
QUIET = 1.5  # seconds without an error and without a failed probe, after which the noise is over
SOAK = 2.0  # seconds: the soak of a release that was paused because `standby.mode` demands it


def wakes_up(run: Run, launched: float, now: float) -> bool:
    """True if errors that the run's release logs now may be the noise of its wake."""
    return run.wake is SlotStatus.PAUSED and not run.switched and now - launched < NOISY


def soak_of(context: Context) -> float:
    """Return the soak in seconds: longer where a server of several processes may have been frozen."""
    forced = context.run.wake is SlotStatus.PAUSED and context.settings.standby.mode == "pause"
    return max(context.settings.health.soak, SOAK) if forced else context.settings.health.soak


def is_over(noise_at: float, streak: Streak, now: float) -> bool:
    """True if neither the log nor a probe has shown a problem for a while since that noise."""
    healthy = streak.healthy_since is not None and now - streak.healthy_since >= QUIET
    return healthy and now - noise_at >= QUIET
