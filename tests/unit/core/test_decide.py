"""Test cases for deciding what to do next: five rows that a lamp each opens; the runner's part is played here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from l9.core import actions as do
from l9.core import events as ev
from l9.core.decide import (
    FIRST_RETRY,
    PROOF_DEADLINE,
    RETRY_SHARE,
    ROLLBACK_PATIENCE,
    Close,
    Decision,
    Enter,
    Finish,
    HandOver,
    Open,
    Perform,
    Refuse,
    Wait,
    conclusion,
    decide,
    decide_step,
    longest,
    rollback_outcome,
    wanted,
    wanted_before,
)
from l9.core.facts import Facts, Unseen
from l9.core.gates import Gate, Graph, Guard
from l9.core.invariant import Context, Invariant
from l9.core.run import BACK_HEALTHY, Run, Step, apply, begin
from l9.core.states import Kind, Phase, Slot, SlotStatus, Stage, State, Substrate
from l9.core.verdict import Fail, Pass, Pending, Unknown, Verdict, VerdictKind
from samples import BEFORE, CONFIG, FIRST_DEPLOY, NOW, TAG, opened, started

ON, OFF, DIM = Pass("lit"), Fail("lit", "dark", "l9 status", ("click",)), Pending("dim", 1, 2)
READY, TESTED, LOCKED = State.LOCAL_READY, State.BUILD_AND_TEST, State.VERSION_LOCK
LAUNCHED, ROUTED, BACK = State.BLUE_GREEN_LAUNCH, State.ROUTE_TRAFFIC, State.ROLLBACK


class Lamps(dict[State, Verdict]):
    """The observable of the gates: a lamp each."""


class Lights(dict[type[do.Action], Verdict]):
    """The observable of the guards: a light each."""


def lamp(gate: State, where: Substrate) -> Invariant:
    def check(facts: Facts, _context: Context) -> Verdict:
        return facts.the(Lamps).get(gate, ON)

    return Invariant(f"{where}.{gate}", "a test", where, (Lamps,), "none", check)


def light(action: type[do.Action]) -> Invariant:
    def check(facts: Facts, _context: Context) -> Verdict:
        return facts.the(Lights).get(action, ON)

    return Invariant(f"host.{action.__name__}", "a test", Substrate.HOST, (Lights,), "none", check)


def row(opens: State, where: Substrate, *after: State, **more: Any) -> Gate:
    return Gate(opens, where=where, after=after, needs=(lamp(opens, where),), **more)


START = do.StartSlot(slot=Slot.GREEN, release=TAG)
EVICT = do.EvictSlot(slot=Slot.GREEN, release="v0.4.0-l9")
SWITCH = do.SwitchRoute(to=Slot.GREEN, back=Slot.BLUE)
WAKE = do.WakeSlot(slot=Slot.BLUE, release=BEFORE, was=SlotStatus.RUNNING)
TABLE = Graph(
    rows=(
        row(READY, Substrate.WORKSPACE, State.START),
        row(
            TESTED, Substrate.WORKSPACE, READY, does=lambda run: (do.RunStage(tag=run.tag, stage=Stage.SIM),)
        ),
        row(LOCKED, Substrate.WORKSPACE, READY),
        row(LAUNCHED, Substrate.HOST, TESTED, LOCKED, does=lambda _run: (EVICT, START), phase=Phase.PREPARE),
        row(ROUTED, Substrate.HOST, LAUNCHED, does=lambda _run: (SWITCH,), closed=State.ROLLED_BACK),
    ),
    rollback=row(BACK, Substrate.HOST, does=lambda _run: (WAKE,), closed=State.FAIL_STATE),
)


# The same rows, with actions that are guarded, and a way back that begins by waking the old slot.
GUARDED = Graph(
    TABLE.rows,
    replace(TABLE.rollback, first=lambda _run: (WAKE,)),
    guards=(
        Guard((do.SwitchRoute,), needs=(light(do.SwitchRoute),)),
        Guard((do.StopSlot,), needs=(light(do.StopSlot),)),
        Guard((do.StopSlot,), needs=(lamp(BACK, Substrate.HOST),), when=lambda run: run.finished is None),
    ),
    undo_of=lambda _run, action: (
        do.StopSlot(slot=Slot.GREEN, release=TAG) if action == START else action.undo()
    ),
)


@dataclass
class Play:
    """Drives a run as the runner does. `broken` actions fail; `told` are the decisions in short."""

    lamps: Mapping[State, Verdict] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    told: list[str] = field(default_factory=list)
    lights: Mapping[type[do.Action], Verdict] = field(default_factory=dict)
    table: Graph = TABLE
    now: float = NOW

    def next(self, run: Run, *where: Substrate) -> Decision:
        seen: Mapping[type, object] = {Lamps: Lamps(self.lamps), Lights: Lights(self.lights)}
        facts = Facts({kind: seen[kind] for kind in wanted(run, self.table, *where)})
        return decide(run, facts, self.now, self.table, CONFIG, *where)

    def until(self, run: Run, end: type, *where: Substrate) -> Run:
        """Go on until a decision of that class, which is told and not carried out."""
        while True:
            decision = self.next(run, *where)
            self.told.append(told(decision))
            if isinstance(decision, end):
                return run
            if isinstance(decision, Wait):
                self.now += 1.0
                continue
            for event in self.events(decision):
                run = apply(run, self.now, event)

    def events(self, decision: Decision) -> list[ev.AnyEvent]:
        match decision:
            case Enter(gate=gate):
                return [ev.GateEntered(gate=gate)]
            case Open(gate=gate, evidence=evidence):
                return [ev.GateOpened(gate=gate, evidence=evidence)]
            case Close(gate=gate, findings=findings):
                return [ev.GateClosed(gate=gate, findings=findings)]
            case Perform(gate=gate, step=step, action=action, undoes=undoes):
                intent = ev.ActionIntended(gate=gate, step=step, action=action, undoes=undoes)
                if action.__struct_config__.tag in self.broken:
                    return [intent, ev.ActionFailed(gate=gate, step=step, expected="to", found="no")]
                return [intent, ev.ActionDone(gate=gate, step=step)]
            case Refuse(step=Perform(gate=gate, step=step, action=action, undoes=undoes), finding=finding):
                return [
                    ev.ActionIntended(gate=gate, step=step, action=action, undoes=undoes),
                    ev.ActionFailed(gate=gate, step=step, expected=finding.expected, found=finding.found),
                ]
        raise AssertionError(f"nothing ends with {decision}")


def told(decision: Decision) -> str:
    match decision:
        case Perform(action=action, undoes=undoes):
            return f"{action.__struct_config__.tag}{'' if undoes is None else f' for {undoes}'}"
        case Refuse(step=Perform(action=action)):
            return f"no {action.__struct_config__.tag}"
        case Enter(gate=gate) | Open(gate=gate) | Close(gate=gate):
            return f"{type(decision).__name__} {gate}"
        case Finish(outcome=outcome):
            return f"Finish {outcome}"
    return type(decision).__name__


def fresh(**changed: Any) -> Run:
    return begin("run-1", NOW, started(**changed))


def launched(*after: ev.AnyEvent) -> Run:
    """A run whose two steps of the launch are done, and then these events."""
    run = Play().until(on_host(), Open, Substrate.HOST)
    for event in after:
        run = apply(run, NOW, event)
    return run


def on_host() -> Run:
    return replace(fresh(), opened={gate: opened(gate) for gate in (READY, TESTED, LOCKED)})


ABORT = ev.RunAborted(who="ada", why="not now")


def test_a_good_run_enters_acts_and_opens_gate_by_gate() -> None:
    play = Play()
    run = play.until(fresh(), Finish)
    assert play.told == [
        f"Enter {READY}", f"Open {READY}",
        f"Enter {LOCKED}", f"Enter {TESTED}", f"Open {LOCKED}", "run-stage", f"Open {TESTED}",
        f"Enter {LAUNCHED}", "evict-slot", "start-slot", f"Open {LAUNCHED}",
        f"Enter {ROUTED}", "switch-route", f"Open {ROUTED}",
        "Finish SUCCESS",
    ]  # fmt: skip
    assert run.opened[READY].evidence == (ev.Evidence(invariant="workspace.LOCAL-READY", found="lit"),)


def test_what_is_left_for_another_substrate_is_handed_over() -> None:
    play = Play()
    run = play.until(fresh(), HandOver, Substrate.WORKSPACE)
    assert set(run.opened) == {READY, TESTED, LOCKED}


def test_a_gate_that_is_not_decided_is_waited_for_while_others_go_on() -> None:
    play = Play({LOCKED: DIM, TESTED: DIM})
    run = play.until(fresh(), Wait)
    assert play.told[-2:] == ["run-stage", "Wait"]
    assert play.next(run) == Wait(((LOCKED, DIM), (TESTED, DIM)))


def test_of_two_gates_that_could_open_the_tables_first_opens_first() -> None:
    run = Play({LOCKED: DIM, TESTED: DIM}).until(fresh(), Wait)
    assert told(Play().next(run)) == f"Open {LOCKED}"


def test_while_an_action_is_waited_with_the_other_gates_tell_what_they_wait_for() -> None:
    rows = (
        row(LOCKED, Substrate.HOST, READY),
        row(ROUTED, Substrate.HOST, READY, does=lambda _run: (SWITCH,)),
    )
    play = Play(
        {LOCKED: DIM}, lights={do.SwitchRoute: DIM}, table=Graph(rows, GUARDED.rollback, GUARDED.guards)
    )
    run = play.until(fresh(), Wait)
    assert play.next(run) == Wait(((LOCKED, DIM), (ROUTED, DIM)))


@pytest.mark.parametrize(
    ("soak", "engine"),
    [(Pending("soak", 3, 10), Pending("engine", 3, 60)), (Pending("soak", 9, 10), Pending("engine", 1, 6))],
)
def test_of_several_waits_of_a_gate_the_longest_is_told(soak: Pending, engine: Pending) -> None:
    for both in ((soak, engine), (engine, soak)):
        pending = ((LOCKED, DIM), *((TESTED, waiting) for waiting in both))
        assert longest(pending) == ((LOCKED, DIM), (TESTED, engine))


def test_the_first_gate_that_closes_wins_over_those_that_open() -> None:
    play = Play({LOCKED: OFF})
    play.until(fresh(), Finish)
    assert play.told[-2:] == [f"Close {LOCKED}", "Finish REFUSED"]


def test_before_the_host_a_closed_gate_leaves_nothing_to_put_back() -> None:
    play = Play({TESTED: OFF})
    run = play.until(fresh(), Finish)
    assert play.told[-2:] == [f"Close {TESTED}", "Finish REFUSED"]
    assert wanted(run, TABLE) == frozenset()


def test_a_finding_says_all_that_the_verdict_does() -> None:
    decision = Play({READY: OFF}).next(apply(fresh(), NOW, ev.GateEntered(gate=READY)))
    assert decision == Close(
        READY,
        (
            ev.Finding(
                invariant="workspace.LOCAL-READY",
                verdict=VerdictKind.FAIL,
                expected="lit",
                found="dark",
                remedy="l9 status",
                log=("click",),
            ),
        ),
    )


def test_what_could_not_be_looked_at_closes_the_gate() -> None:
    run = apply(fresh(), NOW, ev.GateEntered(gate=READY))
    decision = decide(run, Facts({Lamps: Unseen("fog", "l9 check")}), NOW, TABLE, CONFIG)
    assert isinstance(decision, Close)
    (finding,) = decision.findings
    assert (finding.verdict, finding.found, finding.remedy) == ("unknown", "fog", "l9 check")
    assert finding.expected == "an observation"


@pytest.mark.parametrize(
    ("verdict", "found", "kind"),
    [
        (replace(OFF, excused="waived (a fork)"), "dark", VerdictKind.FAIL),
        (Unknown("fog", excused="waived (a fork)"), "fog", VerdictKind.UNKNOWN),
    ],
)
def test_what_is_excused_opens_its_gate_and_is_no_pass(
    verdict: Verdict, found: str, kind: VerdictKind
) -> None:
    decision = Play({READY: verdict}).next(apply(fresh(), NOW, ev.GateEntered(gate=READY)))
    assert isinstance(decision, Open)
    (evidence,) = decision.evidence
    assert (evidence.verdict, evidence.excused, evidence.found) == (kind, "waived (a fork)", found)
    assert evidence.summary == f"waived (a fork): {found}"


def test_only_what_the_next_decision_needs_is_looked_at() -> None:
    assert wanted(fresh(), TABLE) == frozenset()  # the gate is not entered yet
    entered = apply(fresh(), NOW, ev.GateEntered(gate=READY))
    assert wanted(entered, TABLE) == {Lamps}
    one = replace(fresh(), opened={READY: opened(READY)}, entered={READY: NOW, LOCKED: NOW})
    assert wanted(one, TABLE) == frozenset()  # another one is to be entered first
    ended = apply(entered, NOW, conclusion(entered, State.REFUSED, NOW))
    assert wanted(ended, TABLE) == frozenset()
    assert wanted(launched(ABORT), TABLE) == frozenset()  # steps are undone before anything is judged


def test_an_action_that_fails_closes_its_gate_with_its_own_words() -> None:
    play = Play(broken=("start-slot",))
    run = play.until(on_host(), Finish, Substrate.HOST)
    assert play.told == [
        f"Enter {LAUNCHED}", "evict-slot", "start-slot", f"Close {LAUNCHED}",
        f"Enter {BACK}", "remove-slot for 1", "restore-slot for 0", "wake-slot", f"Open {BACK}",
        "Finish REFUSED",
    ]  # fmt: skip
    assert run.closed is not None
    (finding,) = run.closed.findings
    assert (finding.invariant, finding.verdict, finding.found) == ("action.start-slot", "fail", "no")


def test_after_the_switch_all_is_taken_back_in_reverse() -> None:
    play = Play({ROUTED: OFF})
    play.until(on_host(), Finish, Substrate.HOST)
    assert play.told[play.told.index(f"Enter {BACK}") :] == [
        f"Enter {BACK}", "switch-route for 2", "remove-slot for 1", "restore-slot for 0", "wake-slot",
        f"Open {BACK}", "Finish ROLLED-BACK",
    ]  # fmt: skip


def test_a_crash_between_intent_and_result_performs_the_step_again_under_its_number() -> None:
    run = apply(on_host(), NOW, ev.GateEntered(gate=LAUNCHED))
    first = Play().next(run)
    assert isinstance(first, Perform)
    (intent, _) = Play().events(first)
    assert Play().next(apply(run, NOW, intent)) == first


def test_a_crash_on_the_way_back_takes_the_undo_up_again() -> None:
    run = launched(ABORT, ev.GateEntered(gate=BACK))
    undo = Play().next(run)
    assert undo == Perform(BACK, 2, do.RemoveSlot(slot=Slot.GREEN, release=TAG), undoes=1)
    (intent, _) = Play().events(undo)
    assert Play().next(apply(run, NOW, intent)) == undo


def test_an_undo_that_fails_does_not_keep_the_others_from_being_tried() -> None:
    play = Play(broken=("remove-slot",))
    play.until(launched(ABORT), Finish, Substrate.HOST)
    assert play.told[:5] == [
        f"Enter {BACK}", "remove-slot for 1", "restore-slot for 0", "wake-slot", "Wait",
    ]  # fmt: skip
    assert play.told[-2:] == [f"Open {BACK}", "Finish REFUSED"]


def test_the_gate_of_the_way_back_decides_even_when_its_own_action_failed() -> None:
    play = Play(broken=("wake-slot",))
    play.until(launched(ABORT), Finish, Substrate.HOST)
    assert play.told[-3:] == ["Wait", f"Open {BACK}", "Finish REFUSED"]


def test_when_the_way_back_closes_a_person_is_needed_and_the_reason_is_kept() -> None:
    play = Play({ROUTED: OFF, BACK: OFF})
    run = play.until(on_host(), Finish, Substrate.HOST)
    assert play.told[-2:] == [f"Close {BACK}", "Finish FAIL-STATE"]
    assert run.closed is not None
    assert run.closed.gate is ROUTED
    assert run.stuck is not None
    assert run.stuck.findings[0].found == "dark"
    assert wanted(run, TABLE) == frozenset()


def test_the_way_back_may_need_time() -> None:
    play = Play({BACK: DIM})
    run = play.until(launched(ABORT), Wait, Substrate.HOST)
    assert wanted(run, TABLE) == {Lamps}
    assert Play().next(run) == Open(BACK, (ev.Evidence(invariant="host.ROLLBACK", found="lit"),))


def test_on_the_way_back_a_look_that_failed_is_repeated_for_a_while() -> None:
    dark = Play({BACK: Unknown("nobody answers")})
    run = dark.until(launched(ABORT), Wait, Substrate.HOST)
    patience = PROOF_DEADLINE
    waiting = Wait(((BACK, Pending("nobody answers", 0.0, patience)),))
    assert dark.next(run) == waiting
    later = replace(run, entered={**run.entered, BACK: NOW - patience}, acted_at={})
    assert dark.next(later) == Enter(BACK)
    off = Play({BACK: OFF}).next(run)
    assert off == Wait(((BACK, Pending("dark", 0.0, ROLLBACK_PATIENCE)),)), "it may come back"


def test_a_rollback_that_does_not_get_through_is_tried_again_with_growing_pauses() -> None:
    play = Play({BACK: OFF}, broken=("restore-slot",))
    run = play.until(launched(ABORT), Finish, Substrate.HOST)
    assert run.outcome is None and run.stuck is not None
    entries = play.told.count(f"Enter {BACK}")
    assert 5 < entries < 20
    assert play.told.count("restore-slot for 0") == entries
    assert play.told.count("wake-slot") == entries
    assert ROLLBACK_PATIENCE <= play.now - NOW < ROLLBACK_PATIENCE + 5


def test_a_long_attempt_is_followed_by_a_pause_too() -> None:
    """An engine that hangs would be asked again at once otherwise."""
    run = Play({BACK: OFF}).until(launched(ABORT), Wait, Substrate.HOST)
    ended = NOW + 40
    run = replace(run, acted_at={BACK: ended})
    assert isinstance(Play({BACK: OFF}, now=ended + FIRST_RETRY).next(run), Wait)
    pause = 40 * RETRY_SHARE / (1 - RETRY_SHARE)  # a share of all the time, the pause with it
    assert Play({BACK: OFF}, now=ended + pause + 1).next(run) == Enter(BACK)


@pytest.mark.parametrize(
    ("after", "decision"),
    [
        (FIRST_RETRY - 0.1, "Wait"),
        (FIRST_RETRY, f"Enter {BACK}"),
        (ROLLBACK_PATIENCE - 0.1, f"Enter {BACK}"),
        (ROLLBACK_PATIENCE, f"Close {BACK}"),
    ],
)
def test_a_rollback_is_tried_from_the_first_pause_to_the_end_of_its_patience(
    after: float, decision: str
) -> None:
    run = Play({BACK: OFF}).until(launched(ABORT), Wait, Substrate.HOST)
    assert told(Play({BACK: OFF}, now=NOW + after).next(run)) == decision


def test_while_the_rollbacks_gate_is_not_decided_nothing_that_failed_is_tried_again() -> None:
    play = Play({BACK: DIM}, broken=("wake-slot",))
    run = play.until(launched(ABORT), Wait, Substrate.HOST)
    assert play.next(run) == Wait(((BACK, DIM),))


def test_an_action_that_failed_on_the_way_forward_is_not_tried_again_on_the_way_back() -> None:
    """As a fetch, which leaves nothing to undo."""
    fetch = row(LAUNCHED, Substrate.HOST, TESTED, LOCKED, does=lambda _run: (EVICT, do.FetchTag(tag=TAG)))
    play = Play(broken=("fetch-tag",), table=Graph((*TABLE.rows[:3], fetch), TABLE.rollback))
    play.until(on_host(), Finish, Substrate.HOST)
    assert play.told[-5:] == [
        f"Enter {BACK}", "restore-slot for 0", "wake-slot", f"Open {BACK}", "Finish REFUSED",
    ]  # fmt: skip


def test_a_rollback_gets_through_once_what_failed_has_come_back() -> None:
    play = Play({BACK: OFF}, broken=("restore-slot",))
    run = play.until(launched(ABORT), Wait, Substrate.HOST)
    back = Play(now=play.now)
    run = back.until(run, Finish, Substrate.HOST)
    assert back.told[-1] == "Finish REFUSED"


def test_a_run_in_fail_state_goes_on_when_it_is_resumed() -> None:
    play = Play({ROUTED: OFF, BACK: OFF})
    run = play.until(on_host(), Finish, Substrate.HOST)
    run = apply(run, play.now, conclusion(run, State.FAIL_STATE, play.now))
    run = apply(run, play.now, ev.RunResumed(who="ada", why="asked"))
    assert run.finished is None and run.stuck is None and run.going_back
    again = Play(now=play.now)
    run = again.until(run, Finish, Substrate.HOST)
    assert again.told[0] == f"Enter {BACK}"
    assert again.told[-1] == "Finish ROLLED-BACK"
    assert len({step.number for step in run.steps}) == len(run.steps)


def test_once_open_the_way_back_is_not_judged_again() -> None:
    run = Play().until(launched(ABORT), Finish, Substrate.HOST)
    assert wanted(run, TABLE) == frozenset()
    assert Play({BACK: OFF}).next(run) == Finish(State.REFUSED)


def test_an_aborted_run_was_rolled_back_when_users_may_have_seen_it() -> None:
    assert rollback_outcome(launched(ABORT), TABLE) is State.REFUSED
    switched = launched(ABORT, ev.ActionIntended(gate=ROUTED, step=2, action=SWITCH))
    assert rollback_outcome(switched, TABLE) is State.ROLLED_BACK


# ── what must hold before an action ──────────────────────────────────────────────────────────────


def guarded(lights: Mapping[type[do.Action], Verdict] | None = None, **more: Any) -> Play:
    return Play(lights=lights or {}, table=GUARDED, **more)


def test_an_action_is_performed_when_all_that_guards_it_holds_and_says_what_was_seen() -> None:
    play = guarded()
    run = play.until(on_host(), Finish, Substrate.HOST)
    assert play.told[-4:] == [f"Enter {ROUTED}", "switch-route", f"Open {ROUTED}", "Finish SUCCESS"]
    before = replace(run, steps=run.steps[:2], opened={**run.opened}, entered={**run.entered, ROUTED: NOW})
    before.opened.pop(ROUTED)  # type: ignore[attr-defined]
    assert wanted(before, GUARDED, Substrate.HOST) == {Lights}
    seen = (ev.Evidence(invariant="host.SwitchRoute", found="lit"),)
    assert play.next(before, Substrate.HOST) == Perform(ROUTED, 2, SWITCH, evidence=seen)


def test_an_action_is_waited_with_until_what_guards_it_is_decided() -> None:
    play = guarded({do.SwitchRoute: DIM})
    run = play.until(on_host(), Wait, Substrate.HOST)
    assert play.told[-2:] == [f"Enter {ROUTED}", "Wait"]
    assert play.next(run, Substrate.HOST) == Wait(((ROUTED, DIM),))
    assert len(run.steps) == 2, "nothing is journalled while it is waited for"


def test_forward_a_gate_closes_when_what_guards_its_action_does_not_hold() -> None:
    for verdict in (OFF, Unknown("fog")):
        play = guarded({do.SwitchRoute: verdict})
        run = play.until(on_host(), Finish, Substrate.HOST)
        assert f"Close {ROUTED}" in play.told
        assert "switch-route" not in play.told
        assert not run.switched
        assert run.closed is not None
        assert run.closed.findings[0].invariant == "host.SwitchRoute"


def test_the_way_back_makes_ready_takes_back_as_the_table_says_and_makes_sure() -> None:
    play = guarded(lamps={ROUTED: OFF})
    play.until(on_host(), Finish, Substrate.HOST)
    assert play.told[play.told.index(f"Enter {BACK}") :] == [
        f"Enter {BACK}", "wake-slot", "switch-route for 2", "stop-slot for 1", "restore-slot for 0", "wake-slot",
        f"Open {BACK}", "Finish ROLLED-BACK",
    ]  # fmt: skip


def test_on_the_way_back_a_step_is_refused_and_the_others_are_tried() -> None:
    play = guarded({do.StopSlot: OFF}, broken=("wake-slot",))
    run = play.until(launched(ABORT), Finish, Substrate.HOST)
    assert play.told[:6] == [
        f"Enter {BACK}", "wake-slot", "no stop-slot", "restore-slot for 0", "wake-slot", "Wait",
    ]  # fmt: skip
    assert play.told[-2:] == [f"Open {BACK}", "Finish REFUSED"]
    *earlier, refused = (step for step in run.steps if isinstance(step.action, do.StopSlot))
    assert {step.status for step in earlier} == {"retried"}
    assert (refused.status, refused.undoes) == ("failed", 1)
    assert refused.failure is not None
    assert (refused.failure.expected, refused.failure.found) == ("lit", "dark")


def test_on_the_way_back_a_step_waits_for_what_guards_it() -> None:
    """As the requests on a slot that users have left."""
    play = guarded(lamps={BACK: DIM})
    run = play.until(launched(ABORT), Wait, Substrate.HOST)
    assert play.told == [f"Enter {BACK}", "wake-slot", "Wait"]
    assert wanted(run, GUARDED, Substrate.HOST) == {Lamps, Lights}
    assert play.next(run) == Wait(((BACK, DIM),))


def test_on_the_way_back_a_guard_that_nobody_could_look_at_is_looked_at_again_for_a_while() -> None:
    dark = guarded({do.StopSlot: Unknown("nobody answers")})
    run = dark.until(launched(ABORT), Wait, Substrate.HOST)
    assert dark.told[-2:] == ["wake-slot", "Wait"]
    later = replace(run, entered={**run.entered, BACK: NOW - PROOF_DEADLINE}, acted_at={})
    assert isinstance(dark.next(later), Refuse)
    known = guarded({do.StopSlot: Unknown("nobody answers")}, lamps={BACK: OFF})
    assert isinstance(known.next(run), Refuse), "one of its guards was seen, and does not hold"


def test_a_crash_while_a_step_of_the_way_back_is_refused_judges_it_again() -> None:
    play = guarded({do.StopSlot: OFF})
    run = play.until(launched(ABORT), Refuse, Substrate.HOST)
    refused = play.next(run)
    (intent, _) = play.events(refused)
    assert play.next(apply(run, NOW, intent)) == refused
    assert isinstance(guarded().next(apply(run, NOW, intent)), Perform)


def test_one_step_may_be_decided_by_itself() -> None:
    ended = apply(fresh(), NOW, conclusion(fresh(), State.SUCCESS, NOW))
    stop = Perform(State.SHUTDOWN, 0, do.StopSlot(slot=Slot.BLUE, release=BEFORE))
    assert wanted_before(stop, ended, GUARDED) == {Lights}
    seen = (ev.Evidence(invariant="host.StopSlot", found="lit"),)

    def decided(verdict: Verdict) -> object:
        return decide_step(stop, ended, Facts({Lights: Lights({do.StopSlot: verdict})}), NOW, GUARDED, CONFIG)

    assert decided(ON) == replace(stop, evidence=seen)
    assert decided(DIM) == Wait(((State.SHUTDOWN, DIM),))
    assert isinstance(decided(OFF), Refuse)


# ── how a run ends ───────────────────────────────────────────────────────────────────────────────


def end(outcome: State, **changed: Any) -> ev.RunFinished:
    return conclusion(fresh(**changed), outcome, NOW + 61.2504)


def test_a_good_deploy_is_live_and_the_release_before_it_stands_by() -> None:
    assert end(State.SUCCESS) == ev.RunFinished(
        outcome=State.SUCCESS,
        live=TAG,
        slot=Slot.GREEN,
        standby=BEFORE,
        exit_code=0,
        seconds=61.25,
        good=(TAG, BEFORE, "v0.4.0-l9"),
        retained=(TAG, BEFORE, "v0.4.0-l9"),
    )


def test_a_deploy_that_came_back_leaves_all_as_it_was() -> None:
    done = end(State.ROLLED_BACK)
    assert (done.live, done.slot, done.standby, done.exit_code) == (BEFORE, Slot.BLUE, None, 4)
    assert done.good == done.retained == (BEFORE, "v0.4.0-l9")


@pytest.mark.parametrize(
    ("outcome", "recorded", "live"),
    [
        (State.REFUSED, "v0.3.0-l9", "v0.3.0-l9"),
        (State.REFUSED, None, BEFORE),
        (State.ROLLED_BACK, "v0.3.0-l9", BEFORE),
        (State.FAIL_STATE, "v0.3.0-l9", BEFORE),
    ],
)
def test_what_is_on_record_stays_on_record_unless_users_saw_a_change(
    outcome: State, recorded: str | None, live: str
) -> None:
    """Users may have been on another release than the one on record."""
    done = end(outcome, recorded=recorded, recorded_slot=Slot.GREEN if recorded else None)
    assert (done.live, done.slot) == (live, Slot.GREEN if live == "v0.3.0-l9" else Slot.BLUE)


def watched(gate: State, **changed: Any) -> Run:
    """Users were moved, and this gate opened with what the release answered: nothing good."""
    sick = ev.Evidence(invariant=BACK_HEALTHY, found="503", verdict=VerdictKind.FAIL)
    steps = (Step(0, ROUTED, SWITCH),)
    return replace(
        fresh(kind=Kind.ROLLBACK),
        steps=steps,
        opened={gate: ev.GateOpened(gate=gate, evidence=(sick,))},
        **changed,
    )


CLOSED = ev.GateClosed(gate=State.CLEANUP, findings=())


@pytest.mark.parametrize(
    ("run", "live"),
    [
        (replace(fresh(), closed=CLOSED, opened={State.BAKE: opened(State.BAKE)}), TAG),
        (replace(fresh(), closed=CLOSED), BEFORE),
        (watched(State.WATCH), TAG),
        (watched(BACK, aborted="not now"), BEFORE),
    ],
    ids=["kept on after its bake", "rolled back", "gone to, and not well", "gone back to, and not well"],
)
def test_what_is_live_where_a_person_is_needed(run: Run, live: str) -> None:
    done = conclusion(run, State.FAIL_STATE, NOW)
    assert (done.live, done.slot) == (live, Slot.GREEN if live == TAG else Slot.BLUE)


def test_a_first_deploy_that_came_back_leaves_nothing() -> None:
    done = end(State.ROLLED_BACK, **FIRST_DEPLOY)
    assert (done.live, done.slot, done.good, done.retained) == (None, None, (), ())


def test_releases_that_were_rolled_back_from_stay_retained_after_a_failed_deploy() -> None:
    kept = (BEFORE, "v0.4.9-l9")
    done = end(State.REFUSED, good=(BEFORE,), kept=kept, retained=(TAG, BEFORE))
    assert (done.good, done.retained) == ((BEFORE,), kept)


def test_after_a_rollback_what_came_later_is_no_longer_gone_back_to() -> None:
    kept = (BEFORE, TAG, "v0.4.0-l9")
    done = end(State.SUCCESS, kind=Kind.ROLLBACK, tag=BEFORE, good=(TAG, BEFORE, "v0.4.0-l9"), retained=kept)
    assert (done.live, done.good, done.retained) == (BEFORE, (BEFORE, "v0.4.0-l9"), kept)


def test_a_rollback_that_came_back_leaves_what_may_be_gone_back_to() -> None:
    good = (TAG, BEFORE, "v0.4.0-l9")
    assert end(State.ROLLED_BACK, kind=Kind.ROLLBACK, tag=BEFORE, good=good, kept=good).good == good


def test_a_release_that_is_deployed_again_becomes_the_first_one_to_go_back_to() -> None:
    good = (TAG, BEFORE, "v0.4.0-l9")
    assert end(State.SUCCESS, tag=BEFORE, good=good, retained=good).good == (BEFORE, TAG, "v0.4.0-l9")


def test_a_rollback_to_a_release_that_was_not_good_makes_it_the_live_one() -> None:
    done = end(State.SUCCESS, kind=Kind.ROLLBACK, good=(BEFORE,), retained=(TAG, BEFORE))
    assert done.good == (TAG, BEFORE)


def test_only_what_is_retained_may_be_gone_back_to() -> None:
    done = end(State.SUCCESS, good=(BEFORE, "v0.4.0-l9", "v0.3.0-l9"), retained=(TAG, BEFORE))
    assert done.good == (TAG, BEFORE)
