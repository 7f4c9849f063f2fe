"""Invariants that must hold before an action is performed, in whatever row it stands (`graph.py`, GUARDS)."""

from __future__ import annotations

from l9.checks.context import Context
from l9.checks.host.facts import Route, Standby, Target
from l9.core.facts import Facts, Slots
from l9.core.invariant import invariant
from l9.core.states import Slot
from l9.core.verdict import Fail, Pass, Pending, Verdict


@invariant(
    "host.target-answers",
    Target,
    why="users are sent to a slot that is healthy now, or stay where they are: a run may have slept since its gates",
    clause="spec 5.1 step 7",
)
def TARGET_ANSWERS(facts: Facts, context: Context) -> Verdict:
    run, seen, health = context.run, facts.the(Target), context.settings.health
    slot, release = run.wanted_live
    if seen.answer is None:
        return Pass("nothing was live before: there is no slot to ask")
    if seen.answer.ok:
        return Pass(f"{release} in {slot}: {seen.answer.found}")
    # What the way back has started again is given the time that a start takes.
    patience = health.deadline if run.going_back and seen.started_at > run.started_at else health.timeout
    if context.elapsed < patience:
        return Pending(seen.answer.found, context.elapsed, patience)
    if seen.other is not None and not seen.other.ok:
        # As when the database that both need is away.
        return Pass(f"both slots are unhealthy: {release}, which was good before, is taken")
    return Fail(f"{release} healthy in {slot}: {seen.answer.expected}", seen.answer.found, "l9 status")


@invariant(
    "host.slot-idle",
    Route,
    why="the slot that serves the public is never stopped, paused or removed",
    clause="spec 5.2",
)
def SLOT_IDLE(facts: Facts, context: Context) -> Verdict:
    slot, active = _slot(context), facts.the(Route).active
    if active is not slot:
        return Pass(f"public traffic goes to {active}")
    if context.run.old is None and context.run.finished is None:
        return Pass("nothing was live before: there is no other slot to send users to")
    return Fail(f"no public traffic to {slot}", f"public traffic goes to {active}", "l9 status")


@invariant(
    "host.tree-unused",
    Slots,
    why="a release that is in a slot runs from its tree",
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
    why="a slot that is paused before it is healthy is not healthy when it is woken",
    clause="design: instant rollback",
)
def STANDBY_WARM(facts: Facts, context: Context) -> Verdict:
    old, answer, deadline = context.run.old, facts.the(Standby).answer, context.settings.health.deadline
    if answer.ok:
        return Pass(f"{old} is healthy again after {context.elapsed:.1f} s")
    if old is None or not facts.the(Slots)[old].serves:
        return Pass(f"{old or 'no slot'} does not run: there is nothing to wait for")
    if context.elapsed >= deadline:
        return Pass(f"{old} is not healthy within {deadline:g} s, and stands by as it is")
    return Pending(answer.found, context.elapsed, deadline)


def _slot(context: Context) -> Slot | None:
    """The slot that the action is about."""
    return getattr(context.action, "slot", None)
