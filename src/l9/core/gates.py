"""A gate is one row; a graph is the rows that runs go through. THE TABLE itself is `l9/graph.py`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import msgspec

from l9.core import actions as do
from l9.core.invariant import Invariant
from l9.core.run import Run
from l9.core.states import Kind, Phase, State, Substrate

Does = Callable[[Run], tuple[do.AnyAction, ...]]


def nothing(_run: Run) -> tuple[do.AnyAction, ...]:
    """The row only looks."""
    return ()


class Gate(msgspec.Struct, frozen=True):
    """One row. `opens` names the gate; `after` are the gates before it, of which a kind of run may lack some."""

    opens: State
    where: Substrate
    after: tuple[State, ...]
    needs: tuple[Invariant, ...]
    does: Does = nothing
    phase: Phase = Phase.CHECK
    kinds: tuple[Kind, ...] = (Kind.DEPLOY,)
    closed: State = State.REFUSED
    summary: str = ""


class Graph:
    """The rows that a kind of run goes through, in the table's order."""

    def __init__(self, rows: tuple[Gate, ...], rollback: Gate) -> None:
        for row in (*rows, rollback):
            if not row.needs:
                raise ValueError(f"gate {row.opens} has no needs: it could never close")
        self.rows = rows
        self.rollback = rollback

    def of(self, kind: Kind, *where: Substrate) -> tuple[Gate, ...]:
        """The rows of that kind of run, on those substrates (all when none is named)."""
        return tuple(r for r in self.rows if kind in r.kinds and (not where or r.where in where))

    def frontier(self, run: Run, *where: Substrate) -> tuple[Gate, ...]:
        """The rows that may be worked on now: not open, and every row before them open.

        Rows that only look come before rows that do something, so that a cheap gate closes first.
        """
        rows = self.of(run.kind)
        mine = {r.opens for r in rows}
        ready = [
            r
            for r in rows
            if r.opens not in run.opened
            and all(a in run.opened for a in r.after if a in mine)
            and (not where or r.where in where)
        ]
        return tuple(sorted(ready, key=lambda r: r.does is not nothing))

    def row(self, state: State) -> Gate:
        """The row that opens `state`; KeyError where there is none."""
        return {r.opens: r for r in self}[state]

    def __iter__(self) -> Iterator[Gate]:
        return iter((*self.rows, self.rollback))

    @property
    def digest(self) -> str:
        """A short digest of the table's shape: laptop and host must agree on it."""
        text = "\n".join(
            f"{r.opens}|{r.where}|{','.join(r.after)}|{','.join(i.id for i in r.needs)}|{','.join(r.kinds)}|{r.closed}"
            for r in self
        )
        return hashlib.sha256(text.encode()).hexdigest()[:12]
