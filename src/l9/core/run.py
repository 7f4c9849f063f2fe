"""A run is the fold of its events, and nothing else.

Every property of a run is derived from its events, so that the journal alone is enough to resume or explain it.

>>> started = ev.RunStarted(
...     kind=Kind.DEPLOY, tag="v1.2.0", commit="c0ffee", tag_object="7a9", new=Slot.GREEN, old=Slot.BLUE,
...     previous="v1.1.0", who="ada",
... )
>>> run = begin("run-1", 0.0, started)
>>> run.phase.value, run.wanted_live[1]
('check', 'v1.2.0')
>>> stopped = apply(run, 5.0, ev.RunAborted(who="ada", why="not today"))
>>> stopped.going_back, stopped.wanted_live[1]
(True, 'v1.1.0')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from l9.core import events as ev
from l9.core.actions import AnyAction, ReadSettings
from l9.core.states import Kind, Phase, Slot, SlotStatus, State, StepStatus
from l9.core.verdict import VerdictKind

BACK_HEALTHY = "host.back-healthy"  # the invariant that watches the release that a run went back to


class Step(msgspec.Struct, frozen=True):
    """One action of a run."""

    number: int
    gate: State
    action: AnyAction
    status: StepStatus = StepStatus.INTENDED
    undoes: int | None = None
    failure: ev.ActionFailed | None = None


class Run(msgspec.Struct, frozen=True):
    """The target of a run, its progress, and its steps. Times are seconds since the epoch.

    closed: the first gate that closed. stuck: the closing of ROLLBACK, after which a person must act.
    back_since: the start of the rollback, or of its last continuation by `l9 resume`; 0 before that.
    active: the slot that the route named before the run; recorded, recorded_slot: the live release on record then.
    """

    id: str
    kind: Kind
    tag: str
    commit: str
    tag_object: str
    new: Slot
    old: Slot | None
    previous: str | None
    who: str
    started_at: float
    wake: SlotStatus | None
    evict: str | None
    good: tuple[str, ...]
    kept: tuple[str, ...]
    retained: tuple[str, ...]
    created_by_run: bool
    objects: tuple[str, ...]
    was_good: bool
    tree: str
    config_blob: str
    env: ev.StagedEnv | None
    reason: str
    rebuild: bool
    prune: bool
    active: Slot | None
    recorded: str | None
    recorded_slot: Slot | None
    woken_restarts: int
    woken_oom: bool
    back_since: float = 0.0
    entered: Mapping[State, float] = {}
    opened: Mapping[State, ev.GateOpened] = {}
    opened_at: Mapping[State, float] = {}
    acted_at: Mapping[State, float] = {}
    steps: tuple[Step, ...] = ()
    closed: ev.GateClosed | None = None
    stuck: ev.GateClosed | None = None
    aborted: str | None = None
    resumed_at: float = 0.0
    finished: ev.RunFinished | None = None
    finished_at: float | None = None

    @property
    def outcome(self) -> State | None:
        return self.finished.outcome if self.finished else None

    @property
    def going_back(self) -> bool:
        """True if a gate closed or the run was aborted: from then on it only undoes."""
        return self.closed is not None or self.aborted is not None

    @property
    def switched(self) -> bool:
        """True if public traffic may have moved: the switch was intended, done or not."""
        return any(s.gate is State.ROUTE_TRAFFIC for s in self.steps)

    @property
    def left(self) -> Slot | None:
        """The slot that users are moved away from in the run's current direction; None if nothing was live before."""
        return self.new if self.going_back else self.old

    @property
    def kept_on(self) -> bool:
        """True if a gate closed after the release was proved and baked: it stays live."""
        accepted = (self.kind is Kind.ROLLBACK and State.PROOF in self.opened) or State.BAKE in self.opened
        return self.closed is not None and accepted

    @property
    def watched(self) -> ev.Evidence | None:
        """What the release answered that users went back to; None if they did not, or it was not watched yet."""
        opened = self.opened.get(State.ROLLBACK if self.going_back else State.WATCH)
        if opened is None or not self.switched:
            return None
        return next((e for e in opened.evidence if e.invariant == BACK_HEALTHY), None)

    @property
    def unwell(self) -> bool:
        """True if the release that users went back to did not answer well."""
        return self.watched is not None and self.watched.verdict is not VerdictKind.PASS

    @property
    def settings_of(self) -> str | None:
        """The release whose own settings apply now; None if only the server's apply.

        A deploy's apply after they are read from the tag; a rollback's from the start, unless it rebuilds the release.
        While a run goes back, the previous release's apply.
        """
        if self.going_back and not self.kept_on and self.previous is not None:
            return self.previous
        kept = self.kind is Kind.ROLLBACK and not self.rebuild
        return self.tag if kept or self.settings_read else None

    @property
    def settings_read(self) -> bool:
        """True if this run has read the release's settings from its tag."""
        return any(isinstance(s.action, ReadSettings) and s.status is StepStatus.DONE for s in self.steps)

    @property
    def phase(self) -> Phase:
        if State.ROUTE_TRAFFIC in self.opened:
            return Phase.FINISH
        if self.switched:
            return Phase.SWITCH
        return Phase.PREPARE if self.steps else Phase.CHECK

    @property
    def wanted_live(self) -> tuple[Slot | None, str | None]:
        """The slot and release that the public route must serve at the end, in the run's current direction."""
        return (self.old, self.previous) if self.going_back and not self.kept_on else (self.new, self.tag)

    def steps_of(self, gate: State) -> tuple[Step, ...]:
        """The gate's own forward steps, in order, without those that were taken again."""
        own = (s for s in self.steps if s.gate is gate and s.undoes is None)
        return tuple(s for s in own if s.status is not StepStatus.RETRIED)


def begin(run_id: str, at: float, started: ev.RunStarted) -> Run:
    """Return the run that a `run-started` event describes."""
    return Run(
        id=run_id,
        kind=started.kind,
        tag=started.tag,
        commit=started.commit,
        tag_object=started.tag_object,
        new=started.new,
        old=started.old,
        previous=started.previous,
        who=started.who,
        started_at=at,
        wake=started.wake,
        evict=started.evict,
        good=started.good,
        kept=started.kept,
        retained=started.retained,
        created_by_run=started.created_by_run,
        objects=started.objects,
        was_good=started.was_good,
        tree=started.tree,
        config_blob=started.config_blob,
        env=started.env,
        reason=started.reason,
        rebuild=started.rebuild,
        prune=started.prune,
        active=started.active,
        recorded=started.recorded,
        recorded_slot=started.recorded_slot,
        woken_restarts=started.woken_restarts,
        woken_oom=started.woken_oom,
    )


def apply(run: Run, at: float, event: ev.AnyEvent) -> Run:
    """Return the run after one more of its events."""
    match event:
        case ev.GateEntered(gate=State.ROLLBACK):
            steps = _taken_again(run.steps, State.ROLLBACK)
            entered = {**run.entered, State.ROLLBACK: at}
            return replace(run, entered=entered, steps=steps, back_since=run.back_since or at)
        case ev.GateEntered(gate=gate):
            return replace(run, entered={**run.entered, gate: at}, steps=_taken_again(run.steps, gate))
        case ev.ActionIntended(gate=gate, step=number, action=action, undoes=undoes):
            kept = tuple(s for s in run.steps if s.number != number)
            return replace(run, steps=(*kept, Step(number, gate, action, undoes=undoes)))
        case ev.ActionDone(gate=gate, step=number):
            steps = _settle(run.steps, number, StepStatus.DONE, None)
            return replace(run, steps=steps, acted_at={**run.acted_at, gate: at})
        case ev.ActionFailed(gate=gate, step=number):
            steps = _settle(run.steps, number, StepStatus.FAILED, event)
            return replace(run, steps=steps, acted_at={**run.acted_at, gate: at})
        case ev.GateOpened(gate=gate):
            return replace(run, opened={**run.opened, gate: event}, opened_at={**run.opened_at, gate: at})
        case ev.GateClosed(gate=State.ROLLBACK):
            return replace(run, stuck=event)
        case ev.GateClosed():
            return replace(run, closed=run.closed or event)
        case ev.RunResumed():
            return replace(_not_later(_reopened(run, at), at), resumed_at=at)
        case ev.RunAborted(why=why):
            return replace(run, aborted=why)
        case ev.RunFinished():
            return replace(run, finished=event, finished_at=at)
        case _:
            return run


def _not_later(run: Run, at: float) -> Run:
    """A run that continues under a clock that was set back: no time so far is later than now.

    Otherwise all that it waits for would wait until the clock has caught up.
    """

    def earlier(times: Mapping[State, float]) -> Mapping[State, float]:
        return {state: min(time, at) for state, time in times.items()}

    return replace(
        run,
        started_at=min(run.started_at, at),
        entered=earlier(run.entered),
        opened_at=earlier(run.opened_at),
        acted_at=earlier(run.acted_at),
        back_since=min(run.back_since, at),
    )


def _reopened(run: Run, at: float) -> Run:
    """A run that ended in FAIL-STATE continues where it stopped: at the gate that closed, or with its rollback.

    One that went back to a release which did not answer well watches it again, and undoes nothing more. One that ended
    otherwise ends the same way, after what its live release lacks was started.
    """
    if run.finished is None:
        return run
    if run.outcome is not State.FAIL_STATE or run.unwell:
        gate = State.ROLLBACK if run.unwell and run.going_back else State.WATCH
        opened = {state: event for state, event in run.opened.items() if state is not gate}
        return replace(run, finished=None, finished_at=None, opened=opened, back_since=run.back_since and at)
    gate = run.closed.gate if run.closed is not None and run.kept_on else State.ROLLBACK
    entered = {state: at for state, at in run.entered.items() if state is not gate}
    return replace(
        run,
        finished=None,
        finished_at=None,
        closed=None if run.kept_on else run.closed,
        stuck=None,
        back_since=0.0,
        entered=entered,
        steps=_taken_again(run.steps, gate),
    )


def _taken_again(steps: tuple[Step, ...], gate: State) -> tuple[Step, ...]:
    """Mark the gate's steps that failed, and the rollback's own ones, to be taken again."""
    return tuple(
        replace(s, status=StepStatus.RETRIED)
        if s.gate is gate and (s.status is StepStatus.FAILED or (gate is State.ROLLBACK and s.undoes is None))
        else s
        for s in steps
    )


def _settle(
    steps: tuple[Step, ...], number: int, status: StepStatus, failure: ev.ActionFailed | None
) -> tuple[Step, ...]:
    undone = next((s.undoes for s in steps if s.number == number and status is StepStatus.DONE), None)
    return tuple(
        replace(s, status=status, failure=failure)
        if s.number == number
        else replace(s, status=StepStatus.UNDONE)
        if s.number == undone
        else s
        for s in steps
    )


def fold(entries: Iterable[ev.Entry]) -> Run | None:
    """Return the run described by these entries of one run, or None if its start is missing."""
    run: Run | None = None
    for entry in entries:
        if isinstance(entry.body, ev.RunStarted):
            run = begin(entry.run, entry.at, entry.body)
        elif run is not None:
            run = apply(run, entry.at, entry.body)
    return run
