"""Invariants of a host between two deploys: what is live is well. No gate needs them; `l9 check` and `l9 ready` do."""

from __future__ import annotations

from l9.core.facts import Facts, Health, Logs
from l9.core.invariants.host_slot import judge_log
from l9.core.invariants.invariant import Context, invariant
from l9.core.verdict import Fail, Pass, Verdict


@invariant(
    "host.live-healthy",
    Health,
    why="what is live answers as it did when it went live",
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
    why="an error that users met stands in the log first",
    clause="spec 1.3 host (logs)",
)
def LIVE_LOG_CLEAN(facts: Facts, context: Context) -> Verdict:
    verdict = judge_log(facts, context)
    if isinstance(verdict, Fail):
        return Fail(
            "no error in the live release's log of the last hour", verdict.found, "l9 logs", verdict.log
        )
    return verdict


STANDING = (LIVE_HEALTHY, LIVE_LOG_CLEAN)
