"""The loop of a run: observe, decide, journal the intent, perform, journal the result.

The same loop resumes a run: an action that was intended but not finished is performed again.
"""

from __future__ import annotations

from collections.abc import Callable

from l9.core import events as ev
from l9.core.actions import AnyAction
from l9.core.decide import (
    PROOF_DEADLINE,
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
    wanted,
    wanted_before,
)
from l9.core.facts import Facts
from l9.core.gates import Graph
from l9.core.invariant import Settings
from l9.core.ports import Clock
from l9.core.recorder import Append
from l9.core.run import Run, apply
from l9.core.states import State, Substrate
from l9.core.verdict import Pending, VerdictKind
from l9.errors import L9Error, named

Observe = Callable[[Run, frozenset[type]], Facts]
Do = Callable[[Run, AnyAction], str]
Watch = Callable[[State, Pending], None]

# Seconds between two observations: within SOON seconds of the last entry, and after that (spec: at most 100 ms).
POLL_SOON, POLL_EVERY, SOON = 0.01, 0.05, 0.25


class Runner:
    """Drives runs through the rows of some substrates, until they end or are handed over to another one."""

    def __init__(
        self,
        *,
        graph: Graph,
        settings: Settings,
        clock: Clock,
        observe: Observe,
        perform: Do,
        append: Append,
        watch: Watch,
        where: tuple[Substrate, ...],
        until: Callable[[Run], bool] = lambda _run: False,
    ) -> None:
        self._graph = graph
        self._settings = settings
        self._clock = clock
        self._observe = observe
        self._perform = perform
        self._append = append
        self._watch = watch
        self._where = where
        self._until = until
        self._noted_at = 0.0

    def drive(self, run: Run) -> Run:
        """Continue a run; returns it when it has ended, or when nothing is left to do on these substrates."""
        while run.finished is None and not self._until(run):
            facts = self._observe(run, wanted(run, self._graph, *self._where))
            decision = decide(run, facts, self._clock.now(), self._graph, self._settings, *self._where)
            if isinstance(decision, HandOver):
                return run
            run = self._carry_out(run, decision)
        return run

    def take(self, run: Run, step: Perform) -> Run:
        """Take one step that is in no row: guarded, journalled and performed as the steps of the rows.

        What its guards wait for is waited for up to PROOF_DEADLINE: no gate was entered whose time could be over.
        """
        began = self._clock.now()
        while True:
            facts = self._observe(run, wanted_before(step, run, self._graph))
            decision = decide_step(step, run, facts, self._clock.now(), self._graph, self._settings)
            if isinstance(decision, Wait) and self._clock.now() - began >= PROOF_DEADLINE:
                decision = Refuse(step, _still(step, decision))
            run = self._carry_out(run, decision)
            if not isinstance(decision, Wait):
                return run

    def _carry_out(self, run: Run, decision: Decision) -> Run:
        match decision:
            case Enter(gate=gate):
                return self._note(run, ev.GateEntered(gate=gate))
            case Open(gate=gate, evidence=evidence):
                return self._note(
                    run, ev.GateOpened(gate=gate, evidence=evidence, seconds=self._since(run, gate))
                )
            case Close(gate=gate, findings=findings):
                return self._note(
                    run, ev.GateClosed(gate=gate, findings=findings, seconds=self._since(run, gate))
                )
            case Finish(outcome=outcome):
                return self._note(run, conclusion(run, outcome, self._clock.now()))
            case Perform():
                return self._do(run, decision)
            case Refuse(step=step, finding=finding):
                failed = ev.ActionFailed(
                    gate=step.gate,
                    step=step.step,
                    expected=finding.expected,
                    found=finding.found,
                    remedy=finding.remedy,
                    log=finding.log,
                )
                return self._note(self._intend(run, step), failed)
            case Wait(pending=pending):
                for gate, waiting in longest(pending):
                    self._watch(gate, waiting)
                quiet = self._clock.now() - self._noted_at
                self._clock.sleep(POLL_SOON if quiet < SOON else POLL_EVERY)
        return run

    def _do(self, run: Run, step: Perform) -> Run:
        run = self._intend(run, step)
        began = self._clock.now()
        try:
            note = self._perform(run, step.action)
        except L9Error as error:
            return self._note(
                run,
                ev.ActionFailed(
                    gate=step.gate,
                    step=step.step,
                    expected=error.expected or str(step.action),
                    found=error.summary,
                    remedy=error.remedy,
                    log=error.log,
                ),
            )
        except Exception as error:
            # Any error in an action closes its gate, also a bug in l9.
            return self._note(
                run,
                ev.ActionFailed(
                    gate=step.gate,
                    step=step.step,
                    expected=str(step.action),
                    found=f"a bug in l9: {named(error)}",
                ),
            )
        took = round(self._clock.now() - began, 3)
        return self._note(run, ev.ActionDone(gate=step.gate, step=step.step, note=note, seconds=took))

    def _intend(self, run: Run, step: Perform) -> Run:
        intended = ev.ActionIntended(
            gate=step.gate,
            step=step.step,
            action=step.action,
            undoes=step.undoes,
            evidence=step.evidence,
        )
        return self._note(run, intended)

    def _note(self, run: Run, event: ev.AnyEvent) -> Run:
        self._noted_at = self._append(run.id, event).at
        return apply(run, self._noted_at, event)

    def _since(self, run: Run, gate: State) -> float:
        return round(self._clock.now() - run.entered.get(gate, self._clock.now()), 3)


def _still(step: Perform, waiting: Wait) -> ev.Finding:
    """The finding for a step that is not taken, since its guards still wait."""
    found = waiting.pending[0][1].found
    return ev.Finding(
        invariant=f"action.{step.action.__struct_config__.tag}",
        verdict=VerdictKind.UNKNOWN,
        expected=str(step.action),
        found=found,
    )
