"""Invariants of a host between deploys. No gate needs them; `l9 check` and `l9 ready` judge them."""

from __future__ import annotations

from l9.checks.context import Context
from l9.checks.host.facts import Health, Logs
from l9.checks.host.slot_invariants import judge_log
from l9.core.facts import DriftCheck, Facts
from l9.core.invariant import Weight, invariant
from l9.core.verdict import Fail, Pass, Unknown, Verdict

OVERDUE = 2 * 3600  # seconds: the timer runs every hour, and a host may have been off for a while


@invariant(
    "host.live-healthy",
    Health,
    why="the live release must stay healthy after its deploy",
    clause="spec 1.3 host (/health)",
)
def LIVE_HEALTHY(facts: Facts, context: Context) -> Verdict:
    last = facts.the(Health).streak.last
    if last is not None and last.ok:
        return Pass(f"{context.run.tag} in {context.run.new}: {last.detail}")
    return Fail(
        f"{context.run.tag} healthy in {context.run.new}", last.detail if last else "no probe", "l9 logs"
    )


@invariant(
    "host.live-log-clean",
    Logs,
    why="errors that users meet appear in the log first",
    clause="spec 1.3 host (logs)",
)
def LIVE_LOG_CLEAN(facts: Facts, context: Context) -> Verdict:
    verdict = judge_log(facts, context)
    if isinstance(verdict, Fail):
        return Fail(
            "no error in the live release's log of the last hour", verdict.found, "l9 logs", verdict.log
        )
    if isinstance(verdict, Unknown):
        return Unknown(verdict.reason, "l9 logs", verdict.expected)
    if not facts.the(Logs).at:
        return Pass(
            f"{verdict.found} in the first part of the last hour; the rest is too long to read at once"
        )
    return verdict


@invariant(
    "host.drift-watched",
    DriftCheck,
    why="an edit made by hand is found within an hour, not at the next deploy",
    clause="spec 5.3",
    weight=Weight.ADVICE,
)
def DRIFT_WATCHED(facts: Facts, context: Context) -> Verdict:
    last = facts.the(DriftCheck)
    wanted, remedy = "an hourly drift check by the host's timer", "l9 provision"
    if last.at is None:
        return Fail(wanted, "none so far", remedy)
    minutes = (context.now - last.at) / 60
    found = f"{last.drift} differences {minutes:.0f} min ago"
    if context.now - last.at > OVERDUE:
        return Fail(wanted, f"the last one {minutes / 60:.0f} h ago", remedy)
    return Fail("no drift", found, "l9 drift") if last.drift else Pass(found)


STEADY_STATE = (LIVE_HEALTHY, LIVE_LOG_CLEAN, DRIFT_WATCHED)
