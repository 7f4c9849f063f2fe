"""What the gates say before a run: each row judged as far as it can be with nothing done yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from l9.core.decide import Close, judge
from l9.core.facts import Facts
from l9.core.gates import Gate, nothing
from l9.core.invariant import Settings
from l9.core.run import Run
from l9.core.states import Phase


def judge_rows(
    rows: tuple[Gate, ...],
    run: Run,
    observe: Callable[[Run, frozenset[type]], Facts],
    settings: Settings,
    now: float,
) -> list[dict[str, Any]]:
    """Each row with its verdict: open, closed, or `later` where it depends on what has not been done.

    A row is judged when it only looks and nothing has to be prepared for it; what a row would do is listed.
    `now` is seconds since the epoch.
    """
    judged: list[dict[str, Any]] = []
    for row in rows:
        told: dict[str, Any] = {"gate": str(row.opens), "where": str(row.where), "summary": row.summary}
        acts = row.does is not nothing
        if acts:
            told["actions"] = [str(action) for action in row.does(run)]
        if acts or row.phase is not Phase.CHECK:
            told["verdict"] = "later"
        else:
            entered = replace(run, entered={row.opens: now})
            kinds = frozenset(k for need in row.needs for k in need.observes)
            decision = judge(row, entered, observe(entered, kinds), now, settings)
            findings = decision.findings if isinstance(decision, Close) else ()
            known = [f for f in findings if f.verdict != "not-yet"]
            told["verdict"] = "closed" if known else "later" if findings else "open"
            told["findings"] = [msgspec.to_builtins(f) for f in known]
        judged.append(told)
    return judged
