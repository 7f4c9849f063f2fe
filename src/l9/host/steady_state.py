"""The host's state between two deploys: its invariants judged now, and the live release's record."""

from __future__ import annotations

import msgspec

from l9.catalogue import Judged, judge
from l9.checks.host import live_invariants as host_live
from l9.checks.host import slot_invariants as host_slot
from l9.checks.host.ready_invariants import ENV_COMPLETE
from l9.checks.host.steady_invariants import STEADY_STATE
from l9.core import events as ev
from l9.core.facts import SlotState
from l9.core.invariant import Invariant
from l9.core.run import Run, begin, fold
from l9.core.states import Kind, State
from l9.core.verdict import VerdictKind
from l9.criteria import DEPLOYED, WENT_BACK
from l9.graph import GRAPH
from l9.host.observe import HostObserver
from l9.host.session import HostSession

LOOK_BACK = 3600.0  # seconds of the live log
OF_THE_LIVE = (*STEADY_STATE, host_slot.SERVICES_UP, host_live.RECORD_TRUE)


def judge_now(runs: HostSession, planned: Run, preview: HostObserver) -> list[Judged]:
    """Judge that the deploy `planned` could begin, and that the live release is healthy, without any change.

    `preview` observes the host for the release that would be deployed.
    """
    now = runs.ports.clock.now()
    live = runs.ports.runtime.slots()[runs.ports.router.active()]

    def judged(needs: tuple[Invariant, ...], run: Run, observe: HostObserver) -> list[Judged]:
        facts = observe(run, frozenset(kind for need in needs for kind in need.observes))
        return [judge(need, run, facts, now, runs.config) for need in needs]

    found = judged((*GRAPH.row(State.HOST_READY).needs, ENV_COMPLETE), planned, preview)
    if live.serves and live.release:
        run = _standing(live, runs, now)
        observer = HostObserver(runs.ports, runs.config, runs.env_rules(run), runs.together)
        return found + judged(OF_THE_LIVE, run, observer)
    return found + [
        Judged(id=need.id, why=need.why, verdict=VerdictKind.PENDING, found="nothing is live yet")
        for need in OF_THE_LIVE
    ]


def on_record(runs: HostSession) -> tuple[str | None, dict[str, str]]:
    """Return the live release's evidence in the journal, by invariant, with its deploy and the newest rollback.

    `evidence` has the gates' findings when the release went live; `record.deployed` its deploy, and
    `record.went-back` the newest successful rollback, manual or automatic.
    """
    live = runs.ports.runtime.slots()[runs.ports.router.active()].release
    by_hand = {entry.run for entry in runs.journal_lines(b'"kind":"rollback"')}
    evidence: dict[str, str] = {}
    for entry in runs.journal_lines(b'"event":"run-finished"'):
        done = entry.body
        if not isinstance(done, ev.RunFinished):
            continue
        good = done.outcome is State.SUCCESS
        if (
            DEPLOYED not in evidence
            and good
            and done.live == live
            and (run := fold(runs.entries_of(entry.run)))
        ):
            evidence |= {e.invariant: e.summary for opened in run.opened.values() for e in opened.evidence}
            evidence[DEPLOYED] = f"{run.tag} by {run.who} in {done.seconds:.1f} s, run {run.id}"
        back = done.outcome is State.ROLLED_BACK or (good and entry.run in by_hand)
        if WENT_BACK not in evidence and back:
            evidence[WENT_BACK] = f"to {done.live}, in {done.seconds:.1f} s, run {entry.run}"
        if DEPLOYED in evidence and WENT_BACK in evidence:
            break
    return live, evidence


def _standing(live: SlotState, runs: HostSession, now: float) -> Run:
    """Return a run that only observes the live release."""
    release = str(live.release)
    tag = runs.ports.source.tag(release)
    started = ev.RunStarted(
        kind=Kind.ROLLBACK,
        tag=release,
        commit=tag.commit,
        tag_object=tag.object_id or "",
        new=live.slot,
        old=None,
        previous=None,
        who="l9 check",
    )
    run = begin("check", now, started)
    return msgspec.structs.replace(run, entered={State.BLUE_GREEN_LAUNCH: now - LOOK_BACK})
