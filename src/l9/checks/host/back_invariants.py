"""The watch over a release that users went back to. It closes nothing: its finding is the end of the run."""

from __future__ import annotations

from l9.checks.context import Context
from l9.checks.host.facts import Watch
from l9.core.facts import Facts, Traffic
from l9.core.invariant import invariant
from l9.core.run import BACK_HEALTHY as ID
from l9.core.verdict import Fail, Pass, Pending, Verdict

NOT_TAKEN_BACK = "not taken back"


@invariant(
    ID,
    Watch,
    why="a rollback never goes forward again by itself, so that whoever wanted it must learn what answers now",
    clause="spec 5.2",
)
def BACK_HEALTHY(facts: Facts, context: Context) -> Verdict:
    run, seen, limits = context.run, facts.the(Watch), context.settings.bake
    slot, release = run.wanted_live
    if release is None or not run.switched:
        return Pass("users never left the release" if release else "nothing was live before")
    if not limits.after_rollback:
        return Pass("not watched: bake.after_rollback is 0")
    if context.elapsed < limits.after_rollback or not seen.asked:
        found = f"{release} is live in {slot}; {_counted(seen)}"
        return Pending(found, context.elapsed, limits.after_rollback)
    users = seen.users or Traffic(0, 0)
    often = (
        users.answers >= limits.min_answers and users.server_errors / users.answers > limits.max_error_share
    )
    if seen.problem or len(seen.failures) >= limits.failures or often:
        found = f"{seen.problem}; {_counted(seen)}" if seen.problem else _counted(seen)
        return Fail(f"{release} healthy in {slot}", found, "l9 logs", excused=NOT_TAKEN_BACK)
    return Pass(_counted(seen))


def _counted(seen: Watch) -> str:
    """The number of answers and of those that failed, with the last failure."""
    users = seen.users or Traffic(0, 0)
    failed = len(seen.failures) + users.server_errors
    if not failed:
        return f"{seen.asked + users.answers} answers, none failed"
    last = [f"{one.name}: {one.found}" for one in seen.failures[-1:]] or list(users.examples[-1:])
    return ": ".join((f"{failed} of {seen.asked + users.answers} answers failed", *last))
