"""What the gates say before a run: each row judged as far as it can be with nothing done yet."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from l9.core import events as ev
from l9.core.decide import Close, judge
from l9.core.facts import Facts
from l9.core.gates import Gate, nothing
from l9.core.invariant import Settings
from l9.core.run import Run
from l9.core.states import Phase, State, Substrate


class JudgedGate(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `verdict` is open, closed, or later (it depends on what has not been done yet)."""

    gate: State
    where: Substrate
    summary: str
    verdict: str
    actions: tuple[str, ...] = ()
    findings: tuple[ev.Finding, ...] = ()


def judge_rows(
    rows: tuple[Gate, ...],
    run: Run,
    observe: Callable[[Run, frozenset[type]], Facts],
    settings: Settings,
    now: float,
) -> tuple[JudgedGate, ...]:
    """Each row with its verdict: open, closed, or `later` where it depends on what has not been done.

    A row is judged when it only looks and nothing has to be prepared for it; what a row would do is listed.
    `now` is seconds since the epoch.
    """

    def judged(row: Gate) -> JudgedGate:
        verdict, known = "later", tuple[ev.Finding, ...]()
        if row.does is nothing and row.phase is Phase.CHECK:
            entered = replace(run, entered={row.opens: now})
            kinds = frozenset(k for need in row.needs for k in need.observes)
            decision = judge(row, entered, observe(entered, kinds), now, settings)
            findings = decision.findings if isinstance(decision, Close) else ()
            known = tuple(f for f in findings if f.verdict != "not-yet")
            verdict = "closed" if known else "later" if findings else "open"
        return JudgedGate(
            gate=row.opens,
            where=row.where,
            summary=row.summary,
            verdict=verdict,
            actions=tuple(map(str, row.does(run))),
            findings=known,
        )

    return tuple(map(judged, rows))
