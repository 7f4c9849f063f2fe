"""The verdicts before a run: each row is judged as far as possible before any action is performed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from l9.core import events as ev
from l9.core.decide import Close, Open, judge
from l9.core.facts import Facts
from l9.core.gates import Gate, nothing
from l9.core.invariant import Invariant, Settings
from l9.core.run import Run
from l9.core.states import Phase, State, Substrate
from l9.core.verdict import VerdictKind


class JudgedGate(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `verdict` is pending if it depends on actions that are not done yet.

    `actions` are those that the row would perform. Only a row that can be judged now has findings.
    """

    gate: State
    where: Substrate
    summary: str
    verdict: VerdictKind
    actions: tuple[str, ...] = ()
    findings: tuple[ev.Finding, ...] = ()


def judge_rows(
    rows: tuple[Gate, ...],
    run: Run,
    observe: Callable[[Run, frozenset[type]], Facts],
    settings: Settings,
    now: float,
    early: Mapping[State, tuple[Invariant, ...]] | None = None,
) -> tuple[JudgedGate, ...]:
    """Judge each row. `now` is seconds since the epoch.

    A row is judged if it has no actions and is of phase CHECK. `early` are needs of other rows that can be judged
    now as well: such a row is closed if one of them does not hold.
    """
    return tuple(_judged(row, run, observe, settings, now, (early or {}).get(row.opens, ())) for row in rows)


def _judged(
    row: Gate,
    run: Run,
    observe: Callable[[Run, frozenset[type]], Facts],
    settings: Settings,
    now: float,
    early: tuple[Invariant, ...],
) -> JudgedGate:
    acts = row.does is not nothing
    whole = not acts and row.phase is Phase.CHECK
    needs = row.needs if whole else early
    verdict, known = VerdictKind.PENDING, tuple[ev.Finding, ...]()
    if needs:
        entered = replace(run, entered={row.opens: now})
        kinds = frozenset(k for need in needs for k in need.observes)
        decision = judge(replace(row, needs=needs), entered, observe(entered, kinds), now, settings)
        known = tuple(f for f in decision.findings if f.verdict.closes) if isinstance(decision, Close) else ()
        if known:
            failed = any(f.verdict is VerdictKind.FAIL for f in known)
            verdict = VerdictKind.FAIL if failed else VerdictKind.UNKNOWN
        elif whole and isinstance(decision, Open):
            verdict = VerdictKind.PASS
    return JudgedGate(
        gate=row.opens,
        where=row.where,
        summary=row.summary,
        verdict=verdict,
        actions=tuple(str(action) for action in row.does(run)) if acts else (),
        findings=known,
    )
