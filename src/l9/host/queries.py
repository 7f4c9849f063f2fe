"""What the agent tells without changing anything: status, history, explain, logs, drift, plan; and the tick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from l9.checks.environment.schema import Rule, rules_of
from l9.checks.host.drift import find_drift
from l9.core import events as ev
from l9.core.preview import judge_rows
from l9.core.run import Run, begin, fold
from l9.core.slot_plan import plan_slots
from l9.core.states import Kind, Slot, Substrate
from l9.errors import L9Error, UsageError
from l9.graph import GRAPH
from l9.host.observe import HostObserver
from l9.host.session import HostSession
from l9.host.steady_state import judge_now, on_record
from l9.protocol.messages import AnyMessage, Line, Request, Result

Look = Callable[[Request, HostSession], Iterator[AnyMessage]]


def answer(request: Request, runs: HostSession) -> Iterator[AnyMessage]:
    """The messages that answer a request which only looks. Raises UsageError for an unknown command."""
    try:
        look = LOOKS[request.command]
    except KeyError:
        raise UsageError("no such agent command", expected=", ".join(LOOKS), found=request.command) from None
    yield from look(request, runs)


def status(_request: Request, runs: HostSession) -> Iterator[AnyMessage]:
    """What is live, what stands by, and whether a run is on."""
    entry = runs.journal.last_finished()
    done = entry.body if entry and isinstance(entry.body, ev.RunFinished) else None
    run = runs.last()
    holder = runs.lock.holder()
    slots, active = runs.ports.runtime.slots(), runs.ports.router.active()
    live = slots[active]
    yield Result(
        data={
            "app": runs.config.app,
            "target": runs.config.name,
            "path": runs.config.target.path,
            "live": {
                "release": live.release if live.serves else None,
                "slot": str(active),
                "status": live.status,
                "image": live.image,
                "since": live.started_at or None,
                "restarts": live.restarts,
            },
            "standby": {
                "release": slots[active.other].release,
                "slot": str(active.other),
                "status": slots[active.other].status,
                "until": entry.at + runs.config.standby.seconds
                if entry and slots[active.other].status == "paused"
                else None,
            },
            "recorded": done.live if done else None,
            "retained": list(done.retained) if done else [],
            "good": list(done.good) if done else [],
            "run": None
            if run is None
            else {
                "id": run.id,
                "kind": str(run.kind),
                "tag": run.tag,
                "who": run.who,
                "started_at": run.started_at,
                "state": "interrupted"
                if run.finished is None and holder is None
                else "running"
                if run.finished is None
                else str(run.outcome),
                "gate": str(max(run.entered, key=lambda g: run.entered[g])) if run.entered else None,
            },
            "lock": msgspec.to_builtins(holder) if holder else None,
        }
    )


def history(request: Request, runs: HostSession) -> Iterator[AnyMessage]:
    """The newest runs, newest first; or whether the journal's chain holds."""
    if request.params.get("verify"):
        yield Result(data={"entries": runs.journal.verify(), "verified": True})
        return
    most = int(request.params.get("most", 20))
    yield Result(data={"runs": [_line(group) for group in runs_backward(runs, most)]})


def runs_backward(runs: HostSession, most: int) -> Iterator[list[ev.Entry]]:
    """The entries of whole runs, newest run first, each oldest entry first."""
    from l9.drivers.files.journal import parse

    group: list[ev.Entry] = []
    for raw in runs.journal.lines_backward():
        if most <= 0:
            return
        entry = parse(raw)
        if entry is None or not entry.run:
            continue
        group.append(entry)
        if isinstance(entry.body, ev.RunStarted):
            yield group[::-1]
            group, most = [], most - 1


def _line(entries: list[ev.Entry]) -> dict[str, Any]:
    run = fold(entries)
    if run is None:
        return {}
    done = run.finished
    finding = run.closed.findings[0] if run.closed and run.closed.findings else None
    return {
        "run": run.id,
        "kind": str(run.kind),
        "tag": run.tag,
        "previous": run.previous,
        "who": run.who,
        "started_at": run.started_at,
        "seconds": done.seconds if done else None,
        "outcome": str(done.outcome) if done else "unfinished",
        "live": done.live if done else None,
        "closed_by": str(run.closed.gate) if run.closed else None,
        "reason": f"{finding.expected}; found {finding.found}" if finding else run.aborted,
    }


def explain(request: Request, runs: HostSession) -> Iterator[AnyMessage]:
    """All that is on record of one run: by run id, by release, or the newest."""
    wanted = request.params.get("what")
    for entries in runs_backward(runs, 100_000):
        first = entries[0].body
        if wanted in (None, entries[0].run) or (isinstance(first, ev.RunStarted) and first.tag == wanted):
            yield Result(
                data={"summary": _line(entries), "entries": [msgspec.to_builtins(e) for e in entries]}
            )
            return
    raise UsageError(
        "nothing on record of that",
        expected="a release or a run of this journal",
        found=str(wanted or "an empty journal"),
        remedy="l9 history",
    )


def logs(request: Request, runs: HostSession) -> Iterator[AnyMessage]:
    """The last log lines of a slot: the live one unless another is named."""
    slot = Slot(request.params.get("slot") or runs.ports.router.active())
    lines = runs.ports.runtime.logs(slot, 0.0, int(request.params.get("most", 100)))
    for line in lines:
        yield Line(text=line.text)
    yield Result(data={"slot": str(slot), "lines": len(lines)})


def drift(_request: Request, runs: HostSession) -> Iterator[AnyMessage]:
    """Whether the host is as the journal says (spec 5.3)."""
    ports, done = runs.ports, runs.finished()
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
    )
    yield Result(data={"drift": [msgspec.to_builtins(d) for d in found], "live": done.live if done else None})


def _planned(request: Request, runs: HostSession) -> Run:
    """The run that a deploy would be, as if it began now."""
    params = request.params
    slots, active = runs.ports.runtime.slots(), runs.ports.router.active()
    placed = plan_slots(
        Kind.DEPLOY, params["tag"], slots, active, runs.finished(), runs.config.retention.releases
    )
    started = ev.RunStarted(
        kind=Kind.DEPLOY,
        tag=params["tag"],
        commit=params["commit"],
        tag_object=params["tag_object"],
        who=request.who,
        settings=params["settings"],
        **placed.fields(),
        **runs.before(params["tag"], params["tag_object"]),
    )
    return begin("plan", runs.ports.clock.now(), started)


def check(request: Request, runs: HostSession) -> Iterator[AnyMessage]:
    """Every invariant of the host that can be judged now, and what is on record of the live release."""
    judged = judge_now(runs, _planned(request, runs))
    record = on_record(runs, runs_backward(runs, 1000))
    yield Result(data={"invariants": msgspec.to_builtins(judged), "record": record})


def env(request: Request, runs: HostSession) -> Iterator[AnyMessage]:
    """The host's environment file against the rules that were sent: names and shapes, never a value."""
    rules = msgspec.convert(request.params["rules"], tuple[Rule, ...])
    yield Result(data=msgspec.to_builtins(runs.ports.env.report(rules)))


def env_prints(request: Request, runs: HostSession) -> Iterator[AnyMessage]:
    """Fingerprints of the values, under a key that the operator's side made for this one comparison."""
    seen = runs.ports.env.report(())
    prints = runs.ports.env.fingerprints(bytes.fromhex(request.params["key"]))
    yield Result(data={"path": seen.path, "exists": seen.exists, "prints": prints})


def plan(request: Request, runs: HostSession) -> Iterator[AnyMessage]:
    """What a deploy would do on this host, gate by gate; nothing is changed, nothing journalled."""
    params, run = request.params, _planned(request, runs)
    observer = HostObserver(runs.ports, runs.config, rules_of(run.settings), runs.together)
    gates = judge_rows(GRAPH.of(Kind.DEPLOY, Substrate.HOST), run, observer, runs.config, run.started_at)
    changed: list[str] | None = None
    unseen = None
    try:
        if files := params.get("compose_files"):
            changed = list(runs.ports.runtime.changed_services(run.tag, files))
    except L9Error as error:
        unseen = error.said
    yield Result(
        data={
            "new": str(run.new),
            "old": str(run.old) if run.old else None,
            "previous": run.previous,
            "changed_services": changed,
            "changed_services_unseen": unseen,
            "gates": gates,
        }
    )


def tick(_request: Request, runs: HostSession) -> Iterator[AnyMessage]:
    """What the host's timer does: recover an interrupted run, stop a standby slot whose time is over."""
    if runs.lock.holder() is not None:
        yield Result(data={"busy": True})
        return
    runs.lock.take("timer", "tick")
    try:
        run = runs.recover("the timer found it interrupted", forward=True)
        stopped = runs.stop_standby()
    finally:
        runs.lock.free()
    yield Result(data={"recovered": run.id if run else None, "standby_stopped": stopped})


LOOKS: dict[str, Look] = {
    "status": status,
    "history": history,
    "explain": explain,
    "logs": logs,
    "drift": drift,
    "plan": plan,
    "check": check,
    "env": env,
    "env-prints": env_prints,
    "tick": tick,
}
