"""The bake passes when its time is over, not before."""

from __future__ import annotations

from l9.checks.context import Context
from l9.core.verdict import Pass, Pending, Verdict


def once_baked(context: Context, passed: Pass) -> Verdict:
    """Return the verdict at the end of the bake; Pending until then."""
    bake = context.settings.bake.seconds
    if context.elapsed >= bake:
        return passed
    return Pending(f"watched for {context.elapsed:.0f} of {bake:g} s", context.elapsed, bake)
