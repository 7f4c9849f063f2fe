"""Invariants from the switch on: the route, the bake, the old slot, the record, and the rollback."""

from __future__ import annotations

from l9.checks.context import Context
from l9.checks.host.bake import once_baked
from l9.checks.host.facts import Bake, InFlight, Logs, Proof, Record, Route
from l9.core.decide import PROOF_DEADLINE
from l9.core.facts import Answering, Facts, Slots, Traffic
from l9.core.invariant import invariant
from l9.core.states import SlotStatus
from l9.core.verdict import Fail, Pass, Pending, Verdict

QUIET = "no request in flight"


@invariant(
    "host.route-set",
    Route,
    why="the flag file on disk decides the route after a restart of the router",
    clause="spec 5.1 step 7",
)
def ROUTE_SET(facts: Facts, context: Context) -> Verdict:
    active = facts.the(Route).active
    if active is context.run.new:
        return Pass(f"traffic goes to {active}")
    return Fail(f"traffic to {context.run.new}", f"traffic goes to {active}", "l9 resume")


@invariant(
    "host.route-proved",
    Proof,
    why="only answers through the public route prove which release is live",
    clause="spec 5.1 step 10",
)
def ROUTE_PROVED(facts: Facts, context: Context) -> Verdict:
    return _proved(facts.the(Proof), context, str(context.run.new), context.run.tag)


def _proved(proof: Proof, context: Context, slot: str, release: str) -> Verdict:
    wanted = context.settings.route.proofs
    if proof.consecutive >= wanted:
        return Pass(f"{proof.consecutive} answers in a row from {slot} with {release}")
    found = proof.problem or f"{proof.slot or 'no slot'} with {proof.release or 'no release'}"
    # Right answers prove, also slow ones: after the deadline it is a wrong one that decides. A process that was not
    # judged before the switch gets no such time from its users.
    lost = proof.lost and not context.run.going_back
    if (lost or context.elapsed > PROOF_DEADLINE) and not proof.consecutive:
        return Fail(
            f"{wanted} answers in a row from {slot} with {release}", found, f"l9 explain {context.run.id}"
        )
    return Pending(
        f"{proof.consecutive} of {wanted} answers from {slot}", proof.consecutive, wanted, timed=False
    )


@invariant(
    "host.few-server-errors", Traffic, why="real traffic finds errors that probes miss", clause="design: bake"
)
def FEW_SERVER_ERRORS(facts: Facts, context: Context) -> Verdict:
    seen, limits = facts.the(Traffic), context.settings.bake
    watched = f"{limits.seconds:g} s"
    if seen.answers < limits.min_answers:
        few = f"{watched}, {seen.answers} answers: inconclusive, at least {limits.min_answers} needed"
        return once_baked(context, Pass(few))
    share = seen.server_errors / seen.answers
    if share > limits.max_error_share:
        return Fail(
            f"at most {limits.max_error_share:.1%} of real answers 5xx",
            f"{share:.1%} ({seen.server_errors} of {seen.answers})",
            f"l9 explain {context.run.id}",
            seen.examples,
        )
    errors = "1 error" if seen.server_errors == 1 else f"{seen.server_errors} errors"
    return once_baked(context, Pass(f"{watched}, {seen.answers} answers, {errors}"))


@invariant(
    "host.answers-stay-good",
    Bake,
    Logs,
    why="a release that is healthy at the switch can fail seconds later",
    clause="design: bake",
)
def ANSWERS_STAY_GOOD(facts: Facts, context: Context) -> Verdict:
    bake = facts.the(Bake)
    if len(bake.failures) >= context.settings.bake.failures:
        last = bake.failures[-1]
        return Fail(
            f"{last.name}: {last.expected}",
            f"{last.found} ({len(bake.failures)} failures in {bake.rounds} rounds)",
            f"l9 explain {context.run.id}",
            facts.the(Logs).tail,
        )
    if bake.elsewhere:
        # Bounded: each further round like this one is one failure more.
        return Pending(bake.elsewhere, context.elapsed, context.settings.bake.seconds)
    if not bake.rounds and context.settings.bake.seconds:
        return Pending("first round", 0, context.settings.bake.seconds)
    watched = context.now - context.elapsed + context.settings.bake.seconds
    if (
        context.settings.bake.seconds and bake.at < watched <= context.now
    ):  # the bake ends with an answer, not before one
        return Pending("last round", context.elapsed, context.settings.bake.seconds)
    return once_baked(
        context,
        Pass(
            f"{bake.rounds} rounds of health and smoke through the public route, {len(bake.failures)} failed"
        ),
    )


@invariant("host.drained", InFlight, why="an accepted request must be answered", clause="spec 5.1 step 8")
def DRAINED(facts: Facts, context: Context) -> Verdict:
    seen, grace, left = facts.the(InFlight), context.settings.drain.grace, context.run.left
    if left is None:
        return Pass("first deploy: nothing to drain")
    if seen.requests == 0 and seen.quiet >= 3:
        if not seen.streams:
            return Pass(f"{QUIET} on {left} after {context.elapsed:.1f} s")
        return Pass(f"all requests on {left} have ended, {seen.streams} streams are still open")
    count = "an unknown number of" if seen.requests is None else str(seen.requests)
    past = f", {seen.direct} connections past the router" if seen.direct else ""
    if context.elapsed >= grace:
        return Pass(f"grace period of {grace:g} s is over with {count} requests open on {left}{past}")
    return Pending(f"{count} requests in flight on {left}{past}", context.elapsed, grace)


@invariant(
    "host.old-stands-by",
    Slots,
    why="the old slot must not keep working, and must be ready for a rollback",
    clause="spec 5.1 step 10 (or leave as standby)",
)
def OLD_STANDS_BY(facts: Facts, context: Context) -> Verdict:
    run = context.run
    if run.old is None:
        return Pass("first deploy: no old slot")
    old = facts.the(Slots)[run.old]
    if not old.serves:
        return Pass(f"{old.release or 'nothing'} {old.status} in {run.old}")
    return Fail(f"{run.old} paused or stopped", f"{old.release} {old.status}", "l9 resume")


@invariant(
    "host.route-stays",
    Route,
    Answering,
    why="whoever stopped the old slot must see that users are still served",
    clause="spec 5.1 step 10",
)
def ROUTE_STAYS(facts: Facts, context: Context) -> Verdict:
    answer, run = facts.the(Answering), context.run
    if (active := facts.the(Route).active) is not run.new:
        return Fail(f"traffic to {run.new}", f"the route names {active}", "l9 resume")
    if not answer.differs(run.new, run.tag):
        return Pass(f"the public route answers from {run.new}")
    if context.elapsed <= PROOF_DEADLINE:
        return Pending(answer.found, context.elapsed, PROOF_DEADLINE)
    return Fail(f"answers from {run.new} with {run.tag}", answer.found, "l9 rollback")


@invariant(
    "host.record-true",
    Record,
    why="the host's record must name the release that runs",
    clause="spec 1.3 host (no drift)",
)
def RECORD_TRUE(facts: Facts, context: Context) -> Verdict:
    record, run = facts.the(Record), context.run
    if record.deployed_tag == run.tag and record.checkout_commit == run.commit:
        return Pass(f".deployed-tag says {run.tag}, checkout on {run.commit[:12]}")
    return Fail(
        f"{run.tag} on {run.commit[:12]}",
        f"{record.deployed_tag} on {str(record.checkout_commit)[:12]}",
        "l9 drift",
    )


@invariant(
    "host.previous-live",
    Route,
    Slots,
    Proof,
    why="after a rollback, the public route must serve the release that it served before",
    clause="spec 5.2",
)
def PREVIOUS_LIVE(facts: Facts, context: Context) -> Verdict:
    run = context.run
    if run.old is None or run.previous is None:
        return Pass("nothing was live before")
    route, old = facts.the(Route), facts.the(Slots)[run.old]
    if route.active is not run.old:
        return Fail(f"traffic to {run.old}", f"traffic goes to {route.active}", "l9 resume")
    if not old.serves or old.release != run.previous:
        return Fail(
            f"{run.previous} running in {run.old}", f"{old.release or 'nothing'} {old.status}", "l9 rollback"
        )
    if not run.switched:
        return Pass(f"users never left {run.previous} in {run.old}")
    return _proved(facts.the(Proof), context, str(run.old), run.previous)


@invariant(
    "host.new-slot-gone",
    Slots,
    why="a refused release must not keep running in the background",
    clause="spec 1.2 ROLLBACK",
)
def NEW_SLOT_GONE(facts: Facts, context: Context) -> Verdict:
    run = context.run
    slot = facts.the(Slots)[run.new]
    if slot.release == run.tag and slot.status in (SlotStatus.RUNNING, SlotStatus.RESTARTING):
        return Fail(f"{run.tag} not running in {run.new}", f"{slot.status}", "l9 resume")
    return Pass(f"{run.tag} is not running in {run.new}")
