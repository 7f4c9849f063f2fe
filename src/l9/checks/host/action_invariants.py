"""Invariants that must hold before an action is performed, in any row (`graph.py`, GUARDS)."""

from __future__ import annotations

from l9.checks.context import Context
from l9.checks.host.facts import Route, Standby, Target
from l9.core.decide import PROOF_DEADLINE
from l9.core.facts import Answering, Facts, Slots
from l9.core.invariant import invariant
from l9.core.states import Slot
from l9.core.verdict import Fail, Pass, Pending, Verdict


@invariant(
    "host.target-answers",
    Target,
    why="traffic moves only to a slot that is healthy now: the run may have been interrupted since its gates opened",
    clause="spec 5.1 step 7",
)
def TARGET_ANSWERS(facts: Facts, context: Context) -> Verdict:
    run, seen, health = context.run, facts.the(Target), context.settings.health
    slot, release = run.wanted_live
    if seen.answer is None:
        return Pass("nothing was live before: no slot to probe")
    if seen.answer.ok:
        return Pass(f"{release} in {slot}: {seen.answer.found}")
    # A release that the way back has started again gets the time that a start takes.
    since = run.started_at if run.going_back else run.resumed_at or seen.started_at
    patience = health.deadline if seen.started_at > since else health.timeout
    if context.elapsed < patience:
        return Pending(seen.answer.found, context.elapsed, patience)
    if seen.other is not None and not seen.other.ok:
        # For example when the database of both is down.
        return Pass(f"both slots are unhealthy: using {release}, which was healthy before")
    return Fail(f"{release} healthy in {slot}: {seen.answer.expected}", seen.answer.found, "l9 status")


@invariant(
    "host.slot-idle",
    Route,
    Answering,
    why="the slot that serves public traffic is never stopped, paused or removed: what answers decides, no file",
    clause="spec 5.2",
)
def SLOT_IDLE(facts: Facts, context: Context) -> Verdict:
    slot, active, answer = _slot(context), facts.the(Route).active, facts.the(Answering)
    run = context.run
    if slot in (active, answer.slot):
        if run.old is None and run.finished is None:
            return Pass("nothing was live before: no other slot to switch to")
        if active is slot:
            return Fail(f"no public traffic to {slot}", f"public traffic goes to {active}", "l9 status")
        found = f"{answer.found}, although the route names {active}"
        # The router may read the flag again in a moment: whoever made it unreadable may see that too.
        if context.elapsed <= PROOF_DEADLINE and run.finished is None:
            return Pending(found, context.elapsed, PROOF_DEADLINE)
        return Fail(f"no public traffic to {slot}", found, "l9 provision")
    if answer.slot is not None:
        return Pass(f"public traffic goes to {active}")
    if not run.switched and run.finished is None:
        return Pass(f"public traffic never went to {slot}")
    # Nobody knows where users are. The route may be back in a moment, for example after a restart of the router.
    if context.elapsed <= PROOF_DEADLINE and run.finished is None:
        return Pending(answer.found, context.elapsed, PROOF_DEADLINE)
    if not answer.accepted:
        return Pass(f"the router is away ({answer.found}), and the route names {active}")
    return Fail(f"answers through the public route from {active}", answer.found, "l9 provision")


@invariant(
    "host.slot-unused",
    Answering,
    why="a release that answers users is not evicted, also if somebody sent them to it after the run had begun",
    clause="spec 5.2",
)
def SLOT_UNUSED(facts: Facts, context: Context) -> Verdict:
    slot, answer = _slot(context), facts.the(Answering)
    if answer.slot is not slot or context.run.old is None:
        return Pass(f"users are not on {slot}")
    return Fail(f"no public traffic to {slot}", answer.found, "l9 status")


@invariant(
    "host.tree-unused",
    Slots,
    why="a release in a slot runs from its tree",
    clause="spec 5.2",
)
def TREE_UNUSED(facts: Facts, context: Context) -> Verdict:
    tag, slots = context.run.tag, facts.the(Slots)
    holding = [slots[slot] for slot in Slot if slots[slot].release == tag]
    if not holding:
        return Pass(f"{tag} is in no slot")
    return Fail(f"{tag} in no slot", f"{holding[0].status} in {holding[0].slot}", "l9 status")


@invariant(
    "host.standby-warm",
    Slots,
    Standby,
    why="a slot that is paused before it is healthy is not healthy when it wakes",
    clause="design: instant rollback",
)
def STANDBY_WARM(facts: Facts, context: Context) -> Verdict:
    old, answer, deadline = context.run.old, facts.the(Standby).answer, context.settings.health.deadline
    if answer.ok:
        return Pass(f"{old} is healthy again after {context.elapsed:.1f} s")
    if old is None or not facts.the(Slots)[old].serves:
        return Pass(f"{old or 'the old slot'} is not running: nothing to wait for")
    if context.elapsed >= deadline:
        return Pass(f"{old} is not healthy within {deadline:g} s: pausing it anyway")
    return Pending(answer.found, context.elapsed, deadline)


def _slot(context: Context) -> Slot | None:
    """The slot of the action."""
    return getattr(context.action, "slot", None)
