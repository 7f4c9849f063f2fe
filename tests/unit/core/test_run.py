"""A run is the fold of its events."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from l9.core import actions as do
from l9.core import events as ev
from l9.core.run import BACK_HEALTHY, Run, Step, apply, begin, fold
from l9.core.states import Kind, Phase, Slot, SlotStatus, State, StepStatus
from l9.core.verdict import VerdictKind
from samples import BEFORE, ENTERED, NOW, STARTED, TAG, a_run, entries, opened, started

GATE = State.BLUE_GREEN_LAUNCH
START = do.StartSlot(slot=Slot.GREEN, release=TAG)
SWITCH = do.SwitchRoute(to=Slot.GREEN, back=Slot.BLUE)


def intended(
    step: int, action: do.AnyAction = START, gate: State = GATE, undoes: int | None = None
) -> ev.ActionIntended:
    return ev.ActionIntended(gate=gate, step=step, action=action, undoes=undoes)


def after(*events: ev.AnyEvent) -> Run:
    run = fold(entries(STARTED, *events))
    assert run is not None
    return run


def test_a_run_begins_with_all_that_its_start_says() -> None:
    first = started(
        wake=SlotStatus.PAUSED, evict="v0.1.0-l9", reason="why", rebuild=True, created_by_run=False
    )
    run = begin("run-1", ENTERED, first)
    for name in set(ev.RunStarted.__struct_fields__) - {"version", "key"}:
        assert getattr(run, name) == getattr(first, name), name
    assert (run.id, run.started_at, run.outcome, run.going_back) == ("run-1", ENTERED, None, False)


def test_gates_are_remembered_with_their_times() -> None:
    run = after(ev.GateEntered(gate=GATE), opened(GATE, "so"))
    assert run.entered == {GATE: NOW + 2}
    assert run.opened_at == {GATE: NOW + 3}
    assert run.opened[GATE].evidence[0].found == "so"


def test_a_step_is_intended_and_then_done() -> None:
    assert [s.status for s in after(intended(0)).steps_of(GATE)] == ["intended"]
    run = after(intended(0), ev.ActionDone(gate=GATE, step=0))
    assert [s.status for s in run.steps_of(GATE)] == ["done"]
    assert run.acted_at == {GATE: NOW + 3}


def test_a_step_that_is_intended_again_after_a_crash_is_one_step() -> None:
    assert len(after(intended(0), intended(0)).steps) == 1


def test_a_failed_step_keeps_its_failure() -> None:
    failure = ev.ActionFailed(gate=GATE, step=0, expected="e", found="f")
    (step,) = after(intended(0), failure).steps
    assert (step.status, step.failure) == ("failed", failure)


def test_a_step_is_undone_when_its_undo_is_done_and_not_before() -> None:
    back = State.ROLLBACK
    undo = intended(1, do.RemoveSlot(slot=Slot.GREEN, release=TAG), back, undoes=0)
    done = ev.ActionDone(gate=GATE, step=0)
    assert [s.status for s in after(intended(0), done, undo).steps] == ["done", "intended"]
    run = after(intended(0), done, undo, ev.ActionDone(gate=back, step=1))
    assert [s.status for s in run.steps] == ["undone", "done"]
    assert run.steps_of(back) == ()  # an undo is no forward step of its gate
    failed = ev.ActionFailed(gate=back, step=1, expected="e", found="f")
    assert [s.status for s in after(intended(0), done, undo, failed).steps] == ["done", "failed"]


def test_the_first_gate_that_closed_is_the_one_that_counts() -> None:
    first, second = (ev.GateClosed(gate=gate, findings=()) for gate in (GATE, State.BAKE))
    run = after(first, second)
    assert run.closed == first
    assert run.going_back
    assert run.wanted_live == (Slot.BLUE, BEFORE)
    assert (a_run().left, run.left) == (Slot.BLUE, Slot.GREEN)


def test_somebody_may_want_to_go_back() -> None:
    run = after(ev.RunAborted(who="ada", why="not now"))
    assert (run.aborted, run.going_back) == ("not now", True)


def test_how_a_run_ended() -> None:
    end = ev.RunFinished(
        outcome=State.SUCCESS, live=TAG, slot=Slot.GREEN, standby=BEFORE, exit_code=0, seconds=9.0
    )
    run = after(end)
    assert (run.finished, run.outcome) == (end, State.SUCCESS)


def test_an_event_that_changes_nothing_of_a_run() -> None:
    assert apply(a_run(), NOW, ev.TailRepaired(lost_bytes=3)) == a_run()


def test_a_run_that_is_taken_up_again_knows_since_when() -> None:
    assert after(ev.RunResumed(who="ada", why="the link dropped")).resumed_at == NOW + 2


def test_the_phases() -> None:
    switch = intended(0, SWITCH, State.ROUTE_TRAFFIC)
    assert after().phase is Phase.CHECK
    assert after(intended(0)).phase is Phase.PREPARE
    assert after(switch).phase is Phase.SWITCH
    assert after(switch, opened(State.ROUTE_TRAFFIC)).phase is Phase.FINISH


def test_a_switch_that_was_only_intended_may_have_been_made() -> None:
    assert not after(intended(0)).switched
    assert after(intended(0, SWITCH, State.ROUTE_TRAFFIC)).switched
    assert after().wanted_live == (Slot.GREEN, TAG)


def test_without_its_start_there_is_no_run() -> None:
    assert fold([]) is None
    assert fold(entries(ev.GateEntered(gate=GATE))) is None


def steps(*actions: do.AnyAction, status: StepStatus = StepStatus.DONE) -> tuple[Step, ...]:
    return tuple(
        Step(number, State.VPS_TAG_VERIFIED, action, status) for number, action in enumerate(actions)
    )


READ = do.ReadSettings(tag=TAG)
CLOSED = ev.GateClosed(gate=State.HEALTH, findings=())


@pytest.mark.parametrize(
    ("changed", "release"),
    [
        ({}, None),
        ({"steps": steps(do.FetchTag(tag=TAG))}, None),
        ({"steps": steps(READ, status=StepStatus.INTENDED)}, None),
        ({"steps": steps(READ, status=StepStatus.FAILED)}, None),
        ({"steps": steps(READ)}, TAG),
        ({"steps": steps(READ), "closed": CLOSED}, BEFORE),
        ({"steps": steps(READ), "aborted": "somebody"}, BEFORE),
        ({"steps": steps(READ), "closed": CLOSED, "previous": None}, TAG),
        ({"closed": CLOSED, "previous": None}, None),
        ({"steps": steps(READ), "closed": CLOSED, "opened": {State.BAKE: opened(State.BAKE, "")}}, TAG),
        ({"kind": Kind.ROLLBACK}, TAG),
        ({"kind": Kind.ROLLBACK, "closed": CLOSED}, BEFORE),
        ({"kind": Kind.ROLLBACK, "rebuild": True}, None),
        ({"kind": Kind.ROLLBACK, "rebuild": True, "steps": steps(READ)}, TAG),
    ],
)
def test_the_release_whose_settings_apply(changed: dict[str, Any], release: str | None) -> None:
    assert replace(a_run(), **changed).settings_of == release


# ── what was accepted, watched, and is taken up again ─────────────────────────────────────────────

PROVED, BAKED = ({gate: opened(gate)} for gate in (State.PROOF, State.BAKE))


@pytest.mark.parametrize(
    ("changed", "kept_on"),
    [
        ({"closed": CLOSED, "opened": BAKED}, True),
        ({"closed": CLOSED, "opened": PROVED}, False),
        ({"closed": CLOSED, "opened": PROVED, "kind": Kind.ROLLBACK}, True),
        ({"opened": BAKED}, False),
        ({"opened": BAKED, "aborted": "not now"}, False),
    ],
    ids=["baked", "proved", "a rollback has no bake", "nothing closed", "somebody wants to go back"],
)
def test_a_release_is_kept_on_if_a_gate_closes_after_it_was_accepted(
    changed: dict[str, Any], *, kept_on: bool
) -> None:
    run = replace(a_run(), **changed)
    assert run.kept_on == kept_on
    stays = kept_on or not run.going_back
    assert run.wanted_live == ((Slot.GREEN, TAG) if stays else (Slot.BLUE, BEFORE))


SWITCHED = (Step(0, State.ROUTE_TRAFFIC, SWITCH),)
SICK = ev.Evidence(invariant=BACK_HEALTHY, found="status 503", verdict=VerdictKind.FAIL)
WATCHED, WENT_BACK = (
    {gate: ev.GateOpened(gate=gate, evidence=(SICK,))} for gate in (State.WATCH, State.ROLLBACK)
)


def test_a_release_that_users_never_left_was_not_watched() -> None:
    assert replace(a_run(), closed=CLOSED, opened=WENT_BACK, steps=SWITCHED).watched == SICK
    assert replace(a_run(), closed=CLOSED, opened=WENT_BACK).watched is None


RESUMED = ev.RunResumed(who="ada", why="asked")


def ended(outcome: State) -> ev.RunFinished:
    return ev.RunFinished(
        outcome=outcome, live=TAG, slot=Slot.GREEN, standby=BEFORE, exit_code=5, seconds=9.0
    )


@pytest.mark.parametrize(
    ("outcome", "changed", "since"),
    [
        (State.FAIL_STATE, {"opened": WATCHED}, 0.0),
        (State.FAIL_STATE, {"opened": WENT_BACK, "closed": CLOSED, "back_since": NOW}, NOW + 9),
        (State.SUCCESS, {"opened": WATCHED}, 0.0),
        (State.ROLLED_BACK, {"closed": CLOSED, "back_since": NOW}, NOW + 9),
    ],
    ids=["after a rollback", "after a deploy", "it ended well", "it came back"],
)
def test_a_run_that_is_not_stuck_watches_again_and_its_patience_begins_anew(
    outcome: State, changed: dict[str, Any], since: float
) -> None:
    run = replace(a_run(), steps=SWITCHED, finished=ended(outcome), finished_at=NOW, **changed)
    again = apply(run, NOW + 9, RESUMED)
    assert (again.finished, again.finished_at, again.steps) == (None, None, SWITCHED)
    assert again.back_since == since
    assert again.watched is None
    assert again.closed == run.closed


def test_a_rollback_that_is_tried_again_has_all_its_patience() -> None:
    run = replace(a_run(), closed=CLOSED, stuck=CLOSED, finished=ended(State.FAIL_STATE), back_since=NOW)
    again = apply(run, NOW + 9, RESUMED)
    assert (again.stuck, again.closed) == (None, CLOSED)
    assert apply(again, NOW + 10, ev.GateEntered(gate=State.ROLLBACK)).back_since == NOW + 10


def test_under_a_clock_that_was_set_back_no_time_so_far_is_later_than_now() -> None:
    times = {GATE: NOW + 50}
    run = replace(
        a_run(), started_at=NOW + 40, entered=times, opened_at=times, acted_at=times, back_since=NOW + 60
    )
    again = apply(run, NOW, RESUMED)
    assert (again.entered, again.opened_at, again.acted_at) == ({GATE: NOW},) * 3
    assert (again.started_at, again.back_since) == (NOW, NOW)
    assert apply(run, NOW + 99, RESUMED).back_since == NOW + 60


DONE, FAILED, RETRIED = StepStatus.DONE, StepStatus.FAILED, StepStatus.RETRIED


@pytest.mark.parametrize(
    ("entered", "gate", "undoes", "before", "after"),
    [
        (GATE, GATE, None, FAILED, RETRIED),
        (GATE, GATE, None, DONE, DONE),
        (GATE, State.IMAGES_READY, None, FAILED, FAILED),
        (GATE, State.ROLLBACK, None, DONE, DONE),
        (State.ROLLBACK, GATE, None, FAILED, FAILED),
        (State.ROLLBACK, GATE, None, DONE, DONE),
        (State.ROLLBACK, State.ROLLBACK, None, DONE, RETRIED),
        (State.ROLLBACK, State.ROLLBACK, None, FAILED, RETRIED),
        (State.ROLLBACK, State.ROLLBACK, 0, FAILED, RETRIED),
        (State.ROLLBACK, State.ROLLBACK, 0, DONE, DONE),
    ],
)
def test_a_gate_that_is_entered_again_takes_its_failed_steps_again(
    entered: State, gate: State, undoes: int | None, before: StepStatus, after: StepStatus
) -> None:
    """The rollback also its own that are done: what it wakes may have ended since. What is undone stays undone."""
    run = replace(a_run(), steps=(Step(0, gate, START, before, undoes),))
    assert apply(run, NOW, ev.GateEntered(gate=entered)).steps[0].status is after


@pytest.mark.parametrize(("verdict", "unwell"), [(VerdictKind.FAIL, True), (VerdictKind.PASS, False)])
def test_what_was_gone_back_to_is_told_from_all_else_that_the_gate_saw(
    verdict: VerdictKind, *, unwell: bool
) -> None:
    seen = replace(SICK, verdict=verdict)
    evidence = (ev.Evidence(invariant="host.any", found="so"), seen)
    opens = {State.ROLLBACK: ev.GateOpened(gate=State.ROLLBACK, evidence=evidence)}
    run = replace(a_run(), closed=CLOSED, steps=SWITCHED, opened=opens)
    assert run.watched == seen
    assert run.unwell == unwell
