"""Translates a run's events to rows for people; the last rows give the cause, the live release and the next command."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import msgspec

from l9.cli.command_line import for_target
from l9.cli.render.facts import fact
from l9.cli.render.rows import PHASE, Row, label, log_line
from l9.core import events as ev
from l9.core.states import Kind, Slot, State, Substrate
from l9.core.verdict import VerdictKind
from l9.graph import GRAPH

OPERATOR_COMMANDS = ("l9 ", "ssh ", "git ls-remote ", "git push ", "pip ")  # run on the operator's machine
LOG_LINES = 3
LIVE = "live"  # the name of the row that tells that users are back


class _Past(msgspec.Struct):
    """The events that the end of a run reports on."""

    tag: str = "the release"
    kind: Kind = Kind.DEPLOY
    new: Slot | None = None
    closed: ev.GateClosed | None = None
    stuck: ev.GateClosed | None = None
    aborted: str = ""
    tries: int = 0
    failures: set[str] = set()

    def go_on(self) -> None:
        """Forget why the run ended, if it ended: it continues at that gate, or with its rollback."""
        if (
            self.stuck is None
            and self.closed is not None
            and GRAPH.row(self.closed.gate).closed is State.FAIL_STATE
        ):
            self.closed = None
        self.stuck = None


class Narrator:
    """Reads runs one after another, and remembers why a run failed until its end.

    `verbose`: all evidence of every gate, and whole log tails.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self._past = _Past()

    def rows(self, entry: ev.Entry) -> list[Row]:
        """Return an event as rows; none for an event that only the journal needs."""
        match entry.body:
            case ev.RunStarted(kind=kind, tag=tag, new=new, previous=previous):
                self._past = _Past(tag, kind, new)
                where = f" to {new}, {previous} is live" if previous else ""
                return [Row(icon="note", text=f"{kind} {tag}{where}")]
            case ev.RunResumed(why=why):
                self._past.go_on()
                return [Row(icon="warn", text=f"resumed: {why}")]
            case ev.RunAborted(why=why):
                self._past.aborted = why
                return [Row(icon="back", text=f"rolling back: {why}")]
            case ev.GateOpened() as opened:
                return [opened_row(opened), *(evidence(opened) if self._verbose else ()), *self._live(opened)]
            case ev.GateClosed() as closed:
                if closed.gate is State.ROLLBACK:
                    self._past.stuck = closed
                else:
                    self._past.closed = self._past.closed or closed
                return self._closed_rows(closed)
            case ev.GateEntered(gate=State.ROLLBACK):
                text = (
                    "undoing the run's actions"
                    if self._past.tries == 0
                    else f"trying again ({self._past.tries})"
                )
                self._past.tries += 1
                return [Row(icon="back", name=State.ROLLBACK, text=text)]
            case ev.ActionFailed(gate=State.ROLLBACK, found=found):
                if found in self._past.failures:  # each reason once, however often it is tried again
                    return []
                self._past.failures.add(found)
                return [Row(icon="closed", name=State.ROLLBACK, text=found)]
            case ev.RunFinished() as done:
                return self._end(done, entry.run)
            case _:
                return []

    def _live(self, opened: ev.GateOpened) -> list[Row]:
        """Return the news that users are back, as soon as it is proved: the end of the run is some seconds away."""
        if self._past.kind is not Kind.ROLLBACK or opened.gate is not State.PROOF:
            return []
        return [Row(icon="open", name=LIVE, text=f"{self._past.tag} in {self._past.new}", wide=PHASE)]

    def _closed_rows(self, closed: ev.GateClosed) -> list[Row]:
        """Return the gate in one line, and in full the findings that the end does not show: all but the first."""
        findings = _each_once(closed.findings)
        more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        text = _first(closed).found + more
        rows = [Row(icon="closed", name=closed.gate, text=text, seconds=closed.seconds)]
        for name, finding in findings if self._verbose else findings[1:]:
            rows += [Row(text=f"  {name}", lines=0), *_why(finding)]
            rows += [log_line(line) for line in finding.log if self._verbose]
            rows += [label("next", _command(closed.gate, finding.remedy), 0)] if finding.remedy else []
        return rows

    def _end(self, done: ev.RunFinished, run: str) -> list[Row]:
        """Return the last rows of any run: outcome, cause, live release and next command."""
        live = f"{done.live} in {done.slot}" if done.live else "nothing"
        if done.outcome is State.SUCCESS:
            text = f"{done.live} is live in {done.slot}" if done.live else "nothing is live"
            rows = [_ended("open", done, text)]
            if done.watched is not None:
                rows.append(label("watched", done.watched.found, 2))
            if done.standby:
                command = for_target("l9 rollback", sys.argv[1:])
                rows.append(label("standby", f"{done.standby}, to roll back: {command}"))
            return rows
        if done.outcome is State.FAIL_STATE and done.watched is not None:
            return self._unwell(done, done.watched, live)
        reason = self._past.stuck or self._past.closed
        icon = "back" if done.outcome is State.ROLLED_BACK else "closed"
        rows = [_ended(icon, done, self._outcome(done))]
        command = f"l9 explain {run}"
        if reason is None:
            rows.append(label("cause", self._past.aborted or "unknown", 2))
        else:
            finding = _first(reason)
            if self._past.stuck is not None and self._past.closed is not None:
                rows.append(label("cause", f"{self._past.closed.gate}: {_first(self._past.closed).found}", 2))
            rows += [*_why(finding), *map(log_line, finding.log[-LOG_LINES:])]
            command = finding.remedy or command
        known = "last known: " if done.outcome is State.FAIL_STATE else ""
        rows.append(label("live", known + live))
        return [*rows, label("next", _command(reason.gate if reason else State.ROLLBACK, command), 0)]

    def _unwell(self, done: ev.RunFinished, watched: ev.Evidence, live: str) -> list[Row]:
        """Return the last rows of a run that went back to a release which does not answer well."""
        text = f"a person is needed: {done.live} is live again and not healthy"
        rows = [_ended("closed", done, text)]
        if self._past.closed is not None:
            rows.append(label("cause", f"{self._past.closed.gate}: {_first(self._past.closed).found}", 2))
        elif self._past.aborted:
            rows.append(label("cause", self._past.aborted, 2))
        rows += [label("found", watched.found, 3), label("live", live)]
        return [*rows, label("next", _command(State.ROLLBACK, "l9 logs"), 0)]

    def _outcome(self, done: ev.RunFinished) -> str:
        tag, at = self._past.tag, f" at {self._past.closed.gate}" if self._past.closed else ""
        if done.outcome is State.REFUSED:
            return f"{tag} refused{at}, nothing was changed"
        if done.outcome is State.ROLLED_BACK:
            return f"{tag} rolled back{at}"
        what = "the rollback did not finish" if self._past.stuck else f"it stopped{at}"
        return f"a person is needed: {what}"


def opened_row(opened: ev.GateOpened) -> Row:
    """Return an open gate as one row."""
    return Row(icon="open", name=opened.gate, text=fact(opened), seconds=opened.seconds)


def evidence(opened: ev.GateOpened) -> list[Row]:
    """Return all evidence of an open gate."""
    return [Row(text=f"  {e.invariant}: {e.summary}", lines=0) for e in opened.evidence]


def _ended(icon: str, done: ev.RunFinished, text: str) -> Row:
    return Row(icon=icon, name=done.outcome, text=text, seconds=done.seconds, wide=PHASE)


def _first(closed: ev.GateClosed) -> ev.Finding:
    nothing = ev.Finding(
        invariant="", verdict=VerdictKind.UNKNOWN, expected="a reason on record", found="none"
    )
    return next(iter(closed.findings), nothing)


def _why(finding: ev.Finding) -> list[Row]:
    return [label("expected", finding.expected, 2), label("found", finding.found, 3)]


def _each_once(findings: Iterable[ev.Finding]) -> list[tuple[str, ev.Finding]]:
    """Return the findings by invariant, merging those with equal text, which have one cause."""
    same: dict[tuple[object, ...], list[ev.Finding]] = {}
    for finding in findings:
        same.setdefault((finding.expected, finding.found, finding.remedy, finding.log), []).append(finding)
    return [
        (first.invariant + (f" and {len(more)} more" if more else ""), first)
        for first, *more in same.values()
    ]


def _command(gate: State, remedy: str) -> str:
    """Return the command for this target, with a comment if it must be run on the host."""
    command = for_target(remedy, sys.argv[1:])
    on_host = GRAPH.row(gate).where is Substrate.HOST
    return command + ("  # on the host" if on_host and not command.startswith(OPERATOR_COMMANDS) else "")
