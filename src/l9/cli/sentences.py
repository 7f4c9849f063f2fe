"""A run's events as lines for people, each with its icon."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from l9.cli.command_line import for_target
from l9.core import events as ev
from l9.core.states import State, Substrate
from l9.graph import GRAPH

TYPED_HERE = ("l9 ", "ssh ", "git ls-remote ", "git push ", "pip ")  # remedies that are typed where l9 is
ICONS = {"open": "✔", "closed": "✘", "note": "·", "warn": "▲", "back": "↺"}


def sentences(event: ev.AnyEvent) -> list[tuple[str, str]]:
    """An event as (icon, line) pairs; events that only matter to the journal give none."""
    match event:
        case ev.RunStarted(kind=kind, tag=tag, new=new, previous=previous):
            return [("note", f"{kind} {tag}" + (f" to {new}, {previous} is live" if previous else ""))]
        case ev.RunResumed(why=why):
            return [("warn", f"taken up again: {why}")]
        case ev.RunAborted(why=why):
            return [("back", f"going back: {why}")]
        case ev.GateOpened(gate=gate, evidence=evidence, seconds=seconds):
            found = "; ".join(dict.fromkeys(e.found for e in evidence))  # each thing once, whoever saw it
            return [("open", f"{gate:<20} {seconds:>6.2f} s  {found}")]
        case ev.GateClosed(gate=gate, findings=findings, seconds=seconds):
            lines = [("closed", f"{gate:<20} {seconds:>6.2f} s  closed")]
            for name, finding in _each_once(findings):
                lines.append((" ", f"    {name}: expected {finding.expected}"))
                lines.append((" ", f"    {'found':>{len(name) + 1}} {finding.found}"))
                lines += [(" ", f"    | {text}") for text in finding.log[-8:]]
                if finding.remedy:
                    command = for_target(finding.remedy, sys.argv[1:])
                    lines.append((" ", f"    next: {command}{_where(gate, command)}"))
            return lines
        case ev.ActionFailed(found=found):
            return [("closed", f"{'':<20}           {found}")]
        case ev.GateEntered(gate=State.ROLLBACK):
            return [("back", f"{State.ROLLBACK:<20}           taking back what was done")]
        case ev.RunFinished():
            return [(_icon(event.outcome), finish_line(event))]
        case _:
            return []


def _each_once(findings: Iterable[ev.Finding]) -> list[tuple[str, ev.Finding]]:
    """The findings by invariant; those that say the same, because one thing keeps them all, are one."""
    same: dict[tuple[object, ...], list[ev.Finding]] = {}
    for finding in findings:
        same.setdefault((finding.expected, finding.found, finding.remedy, finding.log), []).append(finding)
    return [
        (first.invariant + (f" and {len(more)} more" if more else ""), first)
        for first, *more in same.values()
    ]


def _where(gate: State, remedy: str) -> str:
    """A comment after the command, where it is not to be typed here."""
    on_host = GRAPH.row(gate).where is Substrate.HOST
    return "  # on the host" if on_host and not remedy.startswith(TYPED_HERE) else ""


def _icon(outcome: State) -> str:
    return {State.SUCCESS: "open", State.ROLLED_BACK: "back"}.get(outcome, "closed")


def finish_line(done: ev.RunFinished) -> str:
    """How a run ended, in one line."""
    live = f"{done.live} is live in {done.slot}" if done.live else "nothing is live"
    words = {
        State.SUCCESS: live,
        State.REFUSED: f"refused; {live if done.live else 'nothing was changed'}",
        State.ROLLED_BACK: f"rolled back; {live}",
        State.FAIL_STATE: f"a person is needed; last known: {live}",
    }
    return f"{done.outcome:<20} {done.seconds:>6.2f} s  {words[done.outcome]}"
