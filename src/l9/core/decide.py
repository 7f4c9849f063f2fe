"""The next decision of a run: a pure function of the run so far, the facts, and the time.

Rules:
- A gate is entered, its actions are performed in order, and then its invariants are judged.
- A gate opens when every invariant holds or is excused. Fail and Unknown close it; Pending waits.
- An action is performed only when the invariants of its guards hold.
- A gate that retakes another's actions has them performed once more, one time, before it closes.
- A closed gate before the first action on the host ends the run as refused. After that, the run undoes its forward
  steps, latest first, then proves that the previous release is live. An undo that fails does not stop the others.
- A rollback that does not get through is entered again for ROLLBACK_PATIENCE: an engine or a router comes back.
- A gate that would close after the release was proved and baked, because of an action that failed or something that
  could not be seen, is entered again for FINISH_PATIENCE. If it closes, the release stays live, and the run ends in
  FAIL-STATE.
- A release that users went back to is watched. Nothing is undone for what it answers; it decides how the run ends.

`wanted` names the facts that the next call of `decide` needs; `runner.Runner` observes them and carries the decision
out.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from l9.core import events as ev
from l9.core.actions import AnyAction
from l9.core.facts import Facts
from l9.core.gates import Gate, Graph, nothing
from l9.core.invariant import Context, Invariant, Settings
from l9.core.run import Run, Step
from l9.core.states import Kind, State, StepStatus, Substrate
from l9.core.verdict import Fail, Pending, Unknown, Verdict, VerdictKind

ROLLBACK_PATIENCE = 120.0  # seconds in which a rollback that does not get through is tried again
FIRST_RETRY, RETRY_SHARE = (
    2.0,
    0.25,
)  # seconds to the first retry, and the share of the time so far to a later one
FINISH_PATIENCE = 30.0  # seconds in which the last gates, which nobody's requests wait for, are tried again
PROOF_DEADLINE = 10.0  # seconds in which answers through the public route must prove which release is live
Judged = TypeVar("Judged", "Open", "Close")
ACTION = "action."  # the begin of the names of failed actions, where invariants have theirs


class Enter(msgspec.Struct, frozen=True):
    """Start work on a gate."""

    gate: State


class Perform(msgspec.Struct, frozen=True):
    """Journal the intent, then perform the action. `undoes` is the number of the step that it reverses.

    `evidence`: the results of its guards' invariants.
    """

    gate: State
    step: int
    action: AnyAction
    undoes: int | None = None
    evidence: tuple[ev.Evidence, ...] = ()


class Refuse(msgspec.Struct, frozen=True):
    """Journal the step as failed without performing it: an invariant of its guards does not hold."""

    step: Perform
    finding: ev.Finding


class Open(msgspec.Struct, frozen=True):
    """Every invariant of the gate holds or is excused."""

    gate: State
    evidence: tuple[ev.Evidence, ...]


class Close(msgspec.Struct, frozen=True):
    """The gate stays closed; `findings` say why."""

    gate: State
    findings: tuple[ev.Finding, ...]


class Wait(msgspec.Struct, frozen=True):
    """Observe again soon; `pending` is what each gate waits for."""

    pending: tuple[tuple[State, Pending], ...]


class Finish(msgspec.Struct, frozen=True):
    """The run has reached a terminal state."""

    outcome: State


class HandOver(msgspec.Struct, frozen=True):
    """Nothing is left to do on these substrates; the run continues on another one."""


Decision = Enter | Perform | Refuse | Open | Close | Wait | Finish | HandOver


def wanted(run: Run, graph: Graph, *where: Substrate) -> frozenset[type]:
    """The kinds of fact that the next decision needs; empty when it needs none."""
    if run.finished is not None:
        return frozenset()
    if run.going_back:
        if State.ROLLBACK not in run.entered:
            return frozenset()
        if (back := _next_back(run, graph)) is not None:
            return wanted_before(back, run, graph)
        judged = State.ROLLBACK in run.opened or run.stuck is not None
        return frozenset() if judged else _observables(graph.rollback.needs)
    frontier = graph.frontier(run, *where)
    if any(gate.opens not in run.entered for gate in frontier):
        return frozenset()  # the next decision is Enter, which needs no facts
    step = _first_step(frontier, run)
    guarded = wanted_before(step, run, graph) if isinstance(step, Perform) else frozenset()
    for gate in frontier:
        if (again := _retaken(gate.opens, run, graph)) is not None:
            guarded |= wanted_before(again, run, graph)
    return guarded.union(*(_observables(gate.needs) for gate in _ready_to_judge(frontier, run)))


def wanted_before(step: Perform, run: Run, graph: Graph) -> frozenset[type]:
    """The kinds of fact that decide whether a step may be performed."""
    return _observables(graph.before(run, step.action))


def decide(
    run: Run, facts: Facts, now: float, graph: Graph, settings: Settings, *where: Substrate
) -> Decision:
    """Return the next decision. `facts` must hold what `wanted` asked for; `now` is seconds since the epoch."""
    if (end := _ends_here(run, graph)) is not None:
        return Finish(end)
    if run.going_back:
        return _backward(run, facts, now, graph, settings)
    decision = _forward(run, facts, now, graph, settings, *where)
    if isinstance(decision, Close) and (again := _retaken(decision.gate, run, graph)) is not None:
        guarded = _guarded(again, run, facts, now, graph, settings)
        decision = decision if isinstance(guarded, Close) else guarded
    return _retry_finish(decision, run, now, graph) if isinstance(decision, Close) else decision


def _retry_finish(closed: Close, run: Run, now: float, graph: Graph) -> Close | Enter | Wait:
    """Enter one of the last gates again after a growing pause, until its patience is over: an engine comes back."""
    row = graph.row(closed.gate)
    comes_back = all(
        one.verdict is VerdictKind.UNKNOWN or one.invariant.startswith(ACTION) for one in closed.findings
    )
    if row.closed is not State.FAIL_STATE or not comes_back:
        return closed
    since = max(run.opened_at.values())  # one gate after the other, by now
    return _again(closed, closed.findings[0].found, run, now, since, FINISH_PATIENCE)


def _again(
    judged: Judged, found: str, run: Run, now: float, since: float, patience: float
) -> Judged | Enter | Wait:
    """Enter the gate again after a growing pause, until `patience` is over; then return the judgement."""
    gate, tried = judged.gate, now - since
    if tried >= patience:
        return judged
    entered = run.entered[gate]
    last = max(entered, run.acted_at.get(gate, entered))
    if now - last >= max(FIRST_RETRY, RETRY_SHARE * tried):
        return Enter(gate)
    return Wait(((gate, Pending(found, tried, patience)),))


def _forward(
    run: Run, facts: Facts, now: float, graph: Graph, settings: Settings, *where: Substrate
) -> Decision:
    frontier = graph.frontier(run, *where)
    if not frontier:
        left = any(r.opens not in run.opened for r in graph.of(run.kind))
        return HandOver() if left else Finish(State.FAIL_STATE if run.unwell else State.SUCCESS)
    for gate in frontier:
        if gate.opens not in run.entered:
            return Enter(gate.opens)
    waiting: list[tuple[State, Pending]] = []
    opening: Open | None = None
    for gate in _ready_to_judge(frontier, run):
        decision = judge(gate, run, facts, now, settings)
        if isinstance(decision, Close):
            return decision
        if isinstance(decision, Open):
            opening = opening or decision
        else:
            waiting += decision.pending
    if opening is not None:
        return opening
    step = _first_step(frontier, run)
    if isinstance(step, Perform):
        guarded = _guarded(step, run, facts, now, graph, settings)
        return Wait((*waiting, *guarded.pending)) if isinstance(guarded, Wait) else guarded
    return step or Wait(tuple(waiting))


def _retaken(gate: State, run: Run, graph: Graph) -> Perform | None:
    """The step that is taken once more before a gate closes; None if there is none, or if it was."""
    retakes = graph.row(gate).retakes
    if retakes is None:
        return None
    actions, steps = graph.row(retakes).does(run), run.steps_of(retakes)
    return _next_of(actions, steps[len(actions) :], graph.row(retakes), run)


def decide_step(
    step: Perform, run: Run, facts: Facts, now: float, graph: Graph, settings: Settings
) -> Perform | Refuse | Wait:
    """Judge one step by its guards. `facts` must hold what `wanted_before` asked for."""
    guarded = _guarded(step, run, facts, now, graph, settings)
    return Refuse(step, guarded.findings[0]) if isinstance(guarded, Close) else guarded


def _guarded(
    step: Perform, run: Run, facts: Facts, now: float, graph: Graph, settings: Settings
) -> Perform | Close | Wait:
    """Return the step with its evidence when every invariant of its guards holds."""
    context = Context(run, settings, now, step.gate, step.action)
    judged = _judge(graph.before(run, step.action), facts, context)
    return replace(step, evidence=judged.evidence) if isinstance(judged, Open) else judged


def _ready_to_judge(frontier: tuple[Gate, ...], run: Run) -> tuple[Gate, ...]:
    """The frontier's gates whose actions are all done. All of the frontier must have been entered."""
    return tuple(g for g in frontier if _next_step(g, run) is None)


def _observables(needs: tuple[Invariant, ...]) -> frozenset[type]:
    return frozenset(kind for need in needs for kind in need.observes)


def _first_step(frontier: tuple[Gate, ...], run: Run) -> Perform | Close | None:
    """The next action of the first gate that has one."""
    steps = (_next_step(gate, run) for gate in frontier)
    return next((step for step in steps if step is not None), None)


def _next_step(gate: Gate, run: Run) -> Perform | Close | None:
    """The gate's next action; Close if one failed; None when all are done."""
    if gate.does is nothing:
        return None
    steps = run.steps_of(gate.opens)
    for step in steps:
        if step.failure is not None:
            return Close(gate.opens, (_failed(step, step.failure),))
    return _next_of(gate.does(run), steps, gate, run)


def _next_of(actions: tuple[AnyAction, ...], steps: tuple[Step, ...], gate: Gate, run: Run) -> Perform | None:
    """The first of a gate's actions that is neither done nor failed; `steps` are those already intended."""
    for index, action in enumerate(actions):
        if index == len(steps):
            return Perform(gate.opens, len(run.steps), action)
        if steps[index].status is StepStatus.INTENDED:
            return Perform(gate.opens, steps[index].number, action)
    return None


def _failed(step: Step, failure: ev.ActionFailed) -> ev.Finding:
    return ev.Finding(
        invariant=f"{ACTION}{step.action.__struct_config__.tag}",
        verdict=VerdictKind.FAIL,
        expected=failure.expected,
        found=failure.found,
        remedy=failure.remedy,
        log=failure.log,
    )


def judge(gate: Gate, run: Run, facts: Facts, now: float, settings: Settings) -> Open | Close | Wait:
    """Judge a gate by its invariants. `now` is seconds since the epoch."""
    return _judge(gate.needs, facts, Context(run, settings, now, gate.opens))


def _judge(needs: tuple[Invariant, ...], facts: Facts, context: Context[Any]) -> Open | Close | Wait:
    verdicts = [(need, need.judge(facts, context)) for need in needs]
    findings = tuple(
        _finding(need.id, v) for need, v in verdicts if isinstance(v, Fail | Unknown) and not v.excused
    )
    if findings:
        return Close(context.gate, findings)
    pending = tuple((context.gate, v) for _, v in verdicts if isinstance(v, Pending))
    if pending:
        return Wait(pending)
    return Open(context.gate, tuple(_evidence(need.id, v) for need, v in verdicts))


def _evidence(invariant: str, verdict: Verdict) -> ev.Evidence:
    """The evidence of an invariant that holds or is excused."""
    excused = verdict.excused if isinstance(verdict, Fail | Unknown) else ""
    found = verdict.reason if isinstance(verdict, Unknown) else verdict.found
    return ev.Evidence(invariant=invariant, found=found, verdict=verdict.kind, excused=excused)


def _finding(invariant: str, verdict: Fail | Unknown) -> ev.Finding:
    if isinstance(verdict, Unknown):
        return ev.Finding(
            invariant=invariant,
            verdict=verdict.kind,
            expected=verdict.expected or "an observation",
            found=verdict.reason,
            remedy=verdict.remedy,
        )
    return ev.Finding(
        invariant=invariant,
        verdict=verdict.kind,
        expected=verdict.expected,
        found=verdict.found,
        remedy=verdict.remedy,
        log=verdict.log,
    )


def longest(pending: tuple[tuple[State, Pending], ...]) -> tuple[tuple[State, Pending], ...]:
    """The longest remaining wait of each gate, for display."""
    by_gate: dict[State, Pending] = {}
    for gate, waiting in pending:
        known = by_gate.setdefault(gate, waiting)
        if waiting.total - waiting.done > known.total - known.done:
            by_gate[gate] = waiting
    return tuple(by_gate.items())


# ── the way back ─────────────────────────────────────────────────────────────────────────────────


def _ends_here(run: Run, graph: Graph) -> State | None:
    """The outcome of a run that failed with nothing to roll back; None where there is something."""
    if not run.going_back:
        return None
    if run.kept_on:
        return State.FAIL_STATE  # the release is proved and baked: a later failure does not roll it back
    acted = any(graph.row(step.gate).where is Substrate.HOST for step in run.steps)
    return None if acted else State.REFUSED


def _backward(run: Run, facts: Facts, now: float, graph: Graph, settings: Settings) -> Decision:
    if State.ROLLBACK not in run.entered:
        return Enter(State.ROLLBACK)
    waited = Context(run, settings, now, State.ROLLBACK).elapsed
    if (back := _next_back(run, graph)) is not None:
        guarded = _retry_unknown(_guarded(back, run, facts, now, graph, settings), waited)
        return Refuse(back, guarded.findings[0]) if isinstance(guarded, Close) else guarded
    if State.ROLLBACK in run.opened:
        return Finish(rollback_outcome(run, graph))
    if run.stuck is not None:
        return Finish(graph.rollback.closed)
    judged = _retry_unknown(judge(graph.rollback, run, facts, now, settings), waited)
    if isinstance(judged, Close):
        return _again(judged, judged.findings[0].found, run, now, run.back_since, ROLLBACK_PATIENCE)
    failed = [s.failure for s in run.steps if s.gate is State.ROLLBACK and s.status is StepStatus.FAILED]
    if isinstance(judged, Open) and failed and failed[0] is not None:
        return _again(judged, failed[0].found, run, now, run.back_since, ROLLBACK_PATIENCE)
    return judged


def _retry_unknown(judged: Perform | Open | Close | Wait, waited: float) -> Perform | Open | Close | Wait:
    """Wait where all findings are Unknown, up to PROOF_DEADLINE: one failed observation must not end in FAIL-STATE."""
    if not isinstance(judged, Close) or waited >= PROOF_DEADLINE:
        return judged
    if any(finding.verdict is not VerdictKind.UNKNOWN for finding in judged.findings):
        return judged
    return Wait(((State.ROLLBACK, Pending(judged.findings[0].found, waited, PROOF_DEADLINE)),))


def rollback_outcome(run: Run, graph: Graph) -> State:
    """The outcome of a run that undid all of its steps: refused if users were not affected, else rolled back.

    If users went back to a release that does not answer well, a person is needed.
    """
    if run.unwell:
        return State.FAIL_STATE
    if run.closed is not None:
        return graph.row(run.closed.gate).closed
    return State.ROLLED_BACK if run.switched else State.REFUSED


def _next_back(run: Run, graph: Graph) -> Perform | None:
    """The next step of the rollback: the row's `first`, then the undo of the latest forward step, then its `does`.

    A failed step does not stop the others.
    """
    gate, own = graph.rollback, run.steps_of(State.ROLLBACK)
    first = gate.first(run)
    step = _next_of(first, own[: len(first)], gate, run) or _next_undo(run, graph)
    return step or _next_of(gate.does(run), own[len(first) :], gate, run)


def _next_undo(run: Run, graph: Graph) -> Perform | None:
    tried = {s.undoes: s for s in run.steps if s.status is not StepStatus.RETRIED}
    for step in sorted(run.steps, key=lambda s: -s.number):
        undo = graph.undo_of(run, step.action)
        if step.gate is State.ROLLBACK or undo is None:
            continue
        attempt = tried.get(step.number)
        if attempt is None:
            return Perform(State.ROLLBACK, len(run.steps), undo, step.number)
        if attempt.status is StepStatus.INTENDED:
            return Perform(State.ROLLBACK, attempt.number, undo, step.number)
    return None


def conclusion(run: Run, outcome: State, now: float) -> ev.RunFinished:
    """The event that ends a run: the live release, the standby, and the releases ready for rollback."""
    done = outcome is State.SUCCESS or run.kept_on or (run.unwell and not run.going_back)
    # A refused run has changed nothing that users see, so it does not change what is on record either.
    before = (run.previous, run.old)
    if outcome is State.REFUSED and run.recorded is not None:
        before = (run.recorded, run.recorded_slot)
    good, kept = run.good, run.retained if done else run.kept
    if done and run.kind is Kind.ROLLBACK:
        good = good[good.index(run.tag) :] if run.tag in good else (run.tag, *good)
    elif done:
        good = (run.tag, *(g for g in good if g != run.tag))
    return ev.RunFinished(
        outcome=outcome,
        live=run.tag if done else before[0],
        slot=run.new if done else before[1],
        standby=run.previous if done else None,
        exit_code=outcome.exit_code,
        seconds=round(now - run.started_at, 3),
        good=tuple(g for g in good if g in kept),
        retained=kept,
        watched=run.watched,
    )
