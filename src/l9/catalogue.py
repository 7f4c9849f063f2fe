"""Every invariant, each once: those of the table, and those that no gate needs."""

from __future__ import annotations

from itertools import chain

import msgspec

from l9.checks.git import branch_invariants as repository_branches
from l9.checks.git import setup_invariants as workspace_standing
from l9.checks.host import steady_invariants as host_standing
from l9.core.facts import Facts
from l9.core.invariant import Context, Invariant, Settings
from l9.core.run import Run
from l9.core.states import State, Substrate
from l9.core.verdict import Fail, Unknown, VerdictKind
from l9.graph import GRAPH


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One invariant, the reason for it (`why`; empty for what is on record only), and its verdict.

    closes: its gate stays closed. excused: why it does not, though the verdict is fail or unknown: `advice`, or
    `waived (reason)`.
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
    """The invariants of these substrates (of all, where none is named), in the order of the table."""
    standing = (*workspace_standing.STANDING, *repository_branches.STANDING, *host_standing.STANDING)
    needs = chain((need for row in GRAPH.rows for need in row.needs), standing)
    return tuple(dict.fromkeys(need for need in needs if not where or need.substrate in where))


def gates_of(invariant: Invariant) -> tuple[State, ...]:
    """The gates that stay closed while it does not hold; none for what is only looked at between two deploys."""
    return tuple(row.opens for row in GRAPH.rows if invariant in row.needs)


def judge(invariant: Invariant, run: Run, facts: Facts, now: float, settings: Settings) -> Judged:
    """The invariant's verdict on what was seen. `now` is seconds since the epoch."""
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
