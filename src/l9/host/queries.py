"""The agent's read-only queries: status, history, explain, logs, drift, plan, check; and the timer's tick."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from l9.checks.host.drift import Drift, elsewhere, find_drift, public_drift
from l9.checks.host.prober import PROBE
from l9.checks.host.ready_invariants import ENV_COMPLETE
from l9.config.settings import ReleaseEnv, ReleaseSettings, host_config
from l9.core import events as ev
from l9.core.between_runs import to_bring_back
from l9.core.facts import Answering, Slots
from l9.core.preview import judge_rows
from l9.core.run import Run, begin, fold
from l9.core.slot_plan import plan_slots
from l9.core.states import Kind, Slot, SlotStatus, State, Substrate
from l9.errors import L9Error, NoAnswer, UsageError
from l9.graph import GRAPH
from l9.host.observe import HostObserver
from l9.host.session import HostSession
from l9.host.steady_state import judge_now, on_record
from l9.protocol import requests as ask
from l9.protocol.answers.check import HostCheck, Record
from l9.protocol.answers.environment import EnvPrints, HostEnv
from l9.protocol.answers.plan import HostPlan
from l9.protocol.answers.run_lines import ResultLine, TextLine
from l9.protocol.answers.runs import Explain, History, LogsResult, RunLine, RunResult, Verified
from l9.protocol.answers.status import DriftReport, LastRun, Live, Standby, Status, Tick
from l9.protocol.messages import Answered, AnyMessage, HostAnswer


def answer(asked: ask.AnyAsk, runs: HostSession) -> Iterator[AnyMessage]:
    """Yield the messages that answer a read-only request. Raises UsageError for any other."""
    if isinstance(asked, ask.Logs):
        yield from logs(asked, runs)
    else:
        yield Answered(answer=look(asked, runs))


def look(asked: ask.AnyAsk, runs: HostSession) -> HostAnswer:
    """Answer a read-only request. Raises UsageError for any other."""
    match asked:
        case ask.Status():
            return status(runs)
        case ask.History():
            return history(asked, runs)
        case ask.Explain():
            return explain(asked, runs)
        case ask.Drift():
            return drift(runs)
        case ask.Plan():
            return plan(asked, runs)
        case ask.Check():
            return check(asked, runs)
        case ask.Env():
            return HostEnv(report=runs.env_in(asked.file).report(asked.rules))
        case ask.EnvPrints():
            return env_prints(asked, runs)
        case ask.Tick():
            return tick(runs)
        case _:
            raise UsageError("not a query", expected="a read-only request", found=type(asked).__name__)


def status(runs: HostSession) -> Status:
    """Report the live slot, the standby slot, and a run in progress."""
    entry = runs.journal.last_finished()
    done = entry.body if entry and isinstance(entry.body, ev.RunFinished) else None
    run = runs.last()
    holder = runs.lock.holder()
    slots, active = runs.ports.runtime.slots(), runs.ports.router.active()
    live, idle = slots[active], slots[active.other]
    paused = entry is not None and idle.status is SlotStatus.PAUSED
    return Status(
        app=runs.server.app,
        target=runs.server.name,
        path=runs.server.path,
        live=Live(
            release=live.release if live.serves else None,
            slot=active,
            status=live.status,
            image=live.image,
            since=live.started_at or None,
            restarts=live.restarts,
        ),
        standby=Standby(
            release=idle.release,
            slot=active.other,
            status=idle.status,
            until=entry.at + runs.server.standby.seconds if entry and paused else None,
        ),
        recorded=done.live if done else None,
        retained=done.retained if done else (),
        good=done.good if done else (),
        run=_last_run(run, running=holder is not None) if run else None,
        lock=holder,
        watched=done.watched if done and done.live == live.release else None,
        public=_public(runs, done, slots, active, running=holder is not None),
    )


def _public(
    runs: HostSession, done: ev.RunFinished | None, slots: Slots, active: Slot, *, running: bool
) -> Drift | None:
    """Return the difference between the live release and what the public gets, if there is one."""
    live, comes_back = slots[active], not running and to_bring_back(done, slots, active) is not None
    slot, tag = live.slot, live.release if live.serves else None
    if done is not None and done.live is not None and done.slot is not None and not running:
        slot, tag = done.slot, done.live
    if tag is None:
        return None
    answer = runs.ports.router.answering()
    behind, sick = _behind(runs, answer), answer.status is not None and answer.status >= 500
    if sick and not answer.differs(slot, tag) and not comes_back:
        stopped = () if running else runs.stopped_services()
        found = ", ".join((answer.found, *(f"{name} does not run" for name in stopped)))
        return Drift("public route", f"{tag} healthy", found, "l9 resume" if stopped else elsewhere(behind))
    return public_drift(slot, tag, active, answer, behind, comes_back=comes_back)


def _behind(runs: HostSession, answer: Answering) -> int | None:
    """Return the status that the slot itself answers where the route answers with an error in its name.

    None if the route does not, or if the slot does not answer.
    """
    if answer.slot is None or answer.status is None or answer.status < 500:
        return None
    health, url = runs.config.health, runs.ports.runtime.endpoint(answer.slot)
    try:
        return runs.ports.http.request("GET", url + health.path, headers=PROBE, timeout=health.timeout).status
    except NoAnswer:
        return None


def _last_run(run: Run, *, running: bool) -> LastRun:
    state = str(run.outcome) if run.outcome else "running" if running else "interrupted"
    return LastRun(
        id=run.id,
        kind=run.kind,
        tag=run.tag,
        who=run.who,
        started_at=run.started_at,
        state=state,
        gate=max(run.entered, key=lambda g: run.entered[g]) if run.entered else None,
    )


def history(asked: ask.History, runs: HostSession) -> History | Verified:
    """Return the newest runs, newest first; or verify the journal's chain."""
    if asked.verify:
        return Verified(entries=runs.journal.verify())
    found = (run_line(group) for group in runs_backward(runs, asked.most))
    return History(runs=tuple(line for line in found if line is not None))


def runs_backward(runs: HostSession, most: int) -> Iterator[list[ev.Entry]]:
    """Yield the entries of complete runs, newest run first, each oldest entry first."""
    group: list[ev.Entry] = []
    for entry in runs.journal_lines():
        if most <= 0:
            return
        if not entry.run:
            continue
        group.append(entry)
        if isinstance(entry.body, ev.RunStarted):
            yield group[::-1]
            group, most = [], most - 1


def run_line(entries: list[ev.Entry]) -> RunLine | None:
    """Summarize one run; None if its start is missing."""
    run = fold(entries)
    if run is None:
        return None
    done = run.finished
    finding = run.closed.findings[0] if run.closed and run.closed.findings else None
    why = f"{finding.expected}; found {finding.found}" if finding else run.aborted or run.reason
    unwell = f"{done.live} is not healthy: {run.watched.found}" if done and run.watched and run.unwell else ""
    reasons = [text for text in (why, unwell) if text]
    return RunLine(
        run=run.id,
        kind=run.kind,
        tag=run.tag,
        previous=run.previous,
        who=run.who,
        started_at=run.started_at,
        seconds=done.seconds if done else None,
        outcome=str(done.outcome) if done else "unfinished",
        live=done.live if done else None,
        closed_by=run.closed.gate if run.closed else None,
        reason="; ".join(reasons) or None,
    )


def ended(run: Run | None, *, attached: bool = False) -> RunResult | None:
    """Return a run's result; None if it has not ended."""
    if run is None or run.finished is None:
        return None
    done = run.finished
    return RunResult(
        run=run.id,
        kind=run.kind,
        tag=run.tag,
        outcome=done.outcome,
        exit_code=done.exit_code,
        live=done.live,
        slot=done.slot,
        standby=done.standby,
        seconds=done.seconds,
        closed=run.closed,
        watched=done.watched,
        attached=attached,
    )


def explain(asked: ask.Explain, runs: HostSession) -> Explain:
    """Return one run with its journal entries: by run id, by release, or the newest."""
    entries = next(runs_backward(runs, 1), []) if asked.what is None else run_named(runs, asked.what)
    if (line := run_line(entries)) is not None:
        return Explain(summary=line, entries=tuple(entries))
    raise UsageError(
        "no such run in the journal",
        expected="a release or a run of this journal",
        found=asked.what or "an empty journal",
        remedy="l9 history",
    )


def run_named(runs: HostSession, what: str) -> list[ev.Entry]:
    """Return the entries of a run, or of the newest run of a release; none if there is none of that name."""
    for entry in runs.journal_lines(msgspec.json.encode(what)):
        first = entry.body
        if entry.run and (entry.run == what or (isinstance(first, ev.RunStarted) and first.tag == what)):
            return runs.entries_of(entry.run)
    return []


def logs(asked: ask.Logs, runs: HostSession) -> Iterator[AnyMessage]:
    """Yield the last log lines of a slot: the live one unless another is named."""
    slot = asked.slot or runs.ports.router.active()
    lines = runs.ports.runtime.log_tail(slot, asked.most)
    for line in lines:
        yield TextLine(text=line.text)
    yield ResultLine(answer=LogsResult(slot=slot, lines=len(lines)))


def drift(runs: HostSession) -> DriftReport:
    """Return the differences between the host and the journal (spec 5.3)."""
    ports, done = runs.ports, runs.finished()
    answer = ports.router.answering()
    found = find_drift(
        recorded=done,
        root=str(runs.layout.root),
        files=ports.source.drifted(),
        head=ports.source.head(),
        expected_head=ports.source.tag(done.live).commit if done and done.live else None,
        deployed_tag=ports.record.deployed_tag(),
        slots=ports.runtime.slots(),
        active=ports.router.active(),
        image=ports.runtime.image(done.live) if done and done.live else None,
        answer=answer,
        running=runs.lock.holder() is not None,
        outdated=runs.outdated(),
        behind=_behind(runs, answer),
        stopped=runs.stopped_services(),
    )
    return DriftReport(drift=found, live=done.live if done else None)


def planned_run(release: ask.ReleaseClaim | None, preview: ask.Preview, runs: HostSession) -> Run:
    """Return the run that a deploy would begin now."""
    tag = release.tag if release else ""
    slots, active = runs.ports.runtime.slots(), runs.ports.router.active()
    placed = plan_slots(Kind.DEPLOY, tag, slots, active, runs.finished(), runs.server.retention.releases)
    source = preview.env_source
    started = ev.RunStarted(
        kind=Kind.DEPLOY,
        tag=tag,
        commit=release.commit if release else "",
        tag_object=release.tag_object if release else "",
        who="preview",
        env=ev.StagedEnv(source=source, keys=(), fingerprint="") if source else None,
        **placed.fields(),
        **runs.before(tag, release.tag_object if release else ""),
    )
    return begin("preview", runs.ports.clock.now(), started)


def preview_observer(preview: ask.Preview, runs: HostSession) -> HostObserver:
    """Return an observer of the host for a release that is not on it yet."""
    config = host_config(runs.server, ReleaseSettings(env=ReleaseEnv(file=preview.env_file)))
    return HostObserver(runs.connect(config), config, preview.env_rules, runs.together)


def check(asked: ask.Check, runs: HostSession) -> HostCheck:
    """Judge every invariant of the host that can be judged now, with the live release's record."""
    planned = planned_run(asked.release, asked.preview, runs)
    judged = judge_now(runs, planned, preview_observer(asked.preview, runs))
    release, evidence = on_record(runs)
    return HostCheck(invariants=tuple(judged), record=Record(release=release, evidence=evidence))


def env_prints(asked: ask.EnvPrints, runs: HostSession) -> EnvPrints:
    """Return fingerprints of the values, under the operator's key for this one comparison."""
    env = runs.env_in(asked.file)
    seen = env.report(())
    return EnvPrints(path=seen.path, exists=seen.exists, prints=env.fingerprints(bytes.fromhex(asked.key)))


def plan(asked: ask.Plan, runs: HostSession) -> HostPlan:
    """Return a deploy's plan on this host, gate by gate, without changes or journal entries."""
    run = planned_run(asked.release, asked.preview, runs)
    rows = GRAPH.of(Kind.DEPLOY, Substrate.HOST)
    observer = preview_observer(asked.preview, runs)
    early = {State.VPS_TAG_VERIFIED: (ENV_COMPLETE,)}
    gates = judge_rows(rows, run, observer, runs.config, run.started_at, early)
    changed: tuple[str, ...] | None = None
    unseen = None
    try:
        if asked.compose_files:
            changed = runs.ports.runtime.changed_services(run.tag, asked.compose_files)
    except L9Error as error:
        unseen = error.summary
    return HostPlan(
        new=run.new,
        old=run.old,
        previous=run.previous,
        changed_services=changed,
        changed_services_unseen=unseen,
        gates=gates,
    )


def tick(runs: HostSession) -> Tick:
    """Recover an interrupted run, and stop a standby slot whose time is over."""
    if runs.lock.holder() is not None:
        return Tick(busy=True)
    runs.lock.take("timer", "tick")
    try:
        runs.refuse_outdated()
        run = runs.recover("the timer found it interrupted", forward=True)
        stopped = runs.stop_standby()
    finally:
        runs.lock.free()
    return Tick(recovered=run.id if run else None, standby_stopped=stopped)
