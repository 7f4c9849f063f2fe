"""A bake is good when its time is over, and not before."""

from __future__ import annotations

from l9.checks.context import Context
from l9.core.verdict import Pass, Pending, Verdict


def once_baked(context: Context, passed: Pass) -> Verdict:
    """The verdict at the end of the bake; pending until then."""
    bake = context.settings.bake.seconds
    if context.elapsed >= bake:
        return passed
    return Pending(f"watched for {context.elapsed:.0f} of {bake:g} s", context.elapsed, bake)
