"""The catalogue: every invariant once, those of the table and those that no gate needs."""

from __future__ import annotations

from itertools import chain

import msgspec

from l9.checks.git import branch_invariants as branching
from l9.checks.git import setup_invariants as workspace_setup
from l9.checks.host import steady_invariants as host_steady
from l9.core.facts import Facts
from l9.core.invariant import Context, Invariant, Settings
from l9.core.run import Run
from l9.core.states import State, Substrate
from l9.core.verdict import Fail, Unknown, VerdictKind
from l9.graph import GRAPH


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One invariant, its reason (`why`; empty for an entry of the record), and its verdict.

    closes: its gate stays closed. excused: the reason for which it does not although the verdict is fail or unknown:
    `advice` or `waived (reason)`.
    """

    id: str
    why: str
    verdict: VerdictKind
    found: str
    closes: bool = False
    excused: str = ""
    expected: str = ""
    remedy: str = ""
    log: tuple[str, ...] = ()


def catalogue(*where: Substrate) -> tuple[Invariant, ...]:
    """The invariants of these substrates (all if none is given), in the order of the table."""
    steady_state = (*workspace_setup.STEADY_STATE, *branching.STEADY_STATE, *host_steady.STEADY_STATE)
    needs = chain((need for row in GRAPH.rows for need in row.needs), steady_state)
    return tuple(dict.fromkeys(need for need in needs if not where or need.substrate in where))


def gates_of(invariant: Invariant) -> tuple[State, ...]:
    """The gates that need the invariant; none if it is only judged between deploys."""
    return tuple(row.opens for row in GRAPH.rows if invariant in row.needs)


def judge(invariant: Invariant, run: Run, facts: Facts, now: float, settings: Settings) -> Judged:
    """Judge an invariant by the facts. `now` is seconds since the epoch."""
    context = Context(run, settings, now, next(iter(gates_of(invariant)), State.START))
    verdict = invariant.judge(facts, context)
    excused = verdict.excused if isinstance(verdict, Fail | Unknown) else ""
    return Judged(
        id=invariant.id,
        why=invariant.why,
        verdict=verdict.kind,
        found=verdict.reason if isinstance(verdict, Unknown) else verdict.found,
        closes=verdict.kind.closes and not excused,
        excused=excused,
        expected=verdict.expected if isinstance(verdict, Fail | Unknown) else "",
        remedy=verdict.remedy if isinstance(verdict, Fail | Unknown) else "",
        log=verdict.log if isinstance(verdict, Fail) else (),
    )
