"""Gates (one row each) and the graph that runs go through. The table itself is `l9/graph.py`.

Rules:
- A gate without `needs` is an error: it could never close.
- A gate can be worked on when every gate in its `after` is open, except those that this kind of run does not have.
- A guard names invariants that must hold before certain actions, in every row.

>>> Graph((), Gate(State.ROLLBACK, where=Substrate.HOST, after=(), needs=()))
Traceback (most recent call last):
ValueError: gate ROLLBACK has no needs: it could never close
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import msgspec

from l9.core import actions as do
from l9.core.invariant import Invariant
from l9.core.run import Run
from l9.core.states import Kind, Phase, State, Substrate

Does = Callable[[Run], tuple[do.AnyAction, ...]]
UndoOf = Callable[[Run, do.AnyAction], do.AnyAction | None]


def nothing(_run: Run) -> tuple[do.AnyAction, ...]:
    """No actions: the row only observes."""
    return ()


def always(_run: Run) -> bool:
    """The condition of a guard that applies to every run."""
    return True


def undo(_run: Run, action: do.AnyAction) -> do.AnyAction | None:
    """The action's own undo."""
    return action.undo()


class Gate(msgspec.Struct, frozen=True):
    """One row. `opens` names the gate; `after` are the gates that must be open before it.

    `first` (rollback only): the actions before anything is undone; `does` follows after that.
    `retakes`: an earlier gate whose actions are performed once more, one time, before this gate closes.
    """

    opens: State
    where: Substrate
    after: tuple[State, ...]
    needs: tuple[Invariant, ...]
    does: Does = nothing
    first: Does = nothing
    retakes: State | None = None
    phase: Phase = Phase.CHECK
    kinds: tuple[Kind, ...] = (Kind.DEPLOY,)
    closed: State = State.REFUSED
    summary: str = ""


class Guard(msgspec.Struct, frozen=True):
    """Invariants that must hold before actions of these kinds are performed, in any row.

    `when` selects the runs that it applies to; `case` describes them (empty: all runs).
    """

    actions: tuple[type[do.Action], ...]
    needs: tuple[Invariant, ...]
    when: Callable[[Run], bool] = always
    case: str = ""


class Graph:
    """The rows that a kind of run goes through, in the table's order, and the guards of their actions.

    `undo_of` returns the action that reverses one in a run, or None where there is nothing to reverse.
    """

    def __init__(
        self,
        rows: tuple[Gate, ...],
        rollback: Gate,
        guards: tuple[Guard, ...] = (),
        undo_of: UndoOf = undo,
    ) -> None:
        for row in (*rows, rollback):
            if not row.needs:
                raise ValueError(f"gate {row.opens} has no needs: it could never close")
        self.rows = rows
        self.rollback = rollback
        self.guards = guards
        self.undo_of = undo_of

    def of(self, kind: Kind, *where: Substrate) -> tuple[Gate, ...]:
        """The rows of that kind of run, on those substrates (all if none is given)."""
        return tuple(r for r in self.rows if kind in r.kinds and (not where or r.where in where))

    def frontier(self, run: Run, *where: Substrate) -> tuple[Gate, ...]:
        """The rows that can be worked on now: not open, and every row before them open.

        Rows without actions come first, so that a cheap gate closes before anything is changed.
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

    def before(self, run: Run, action: do.AnyAction) -> tuple[Invariant, ...]:
        """The invariants that must hold before the action is performed."""
        guards = (g for g in self.guards if isinstance(action, g.actions) and g.when(run))
        return tuple(need for guard in guards for need in guard.needs)

    def row(self, state: State) -> Gate:
        """The row that opens `state`; KeyError if there is none."""
        return {r.opens: r for r in self}[state]

    def __iter__(self) -> Iterator[Gate]:
        return iter((*self.rows, self.rollback))

    @property
    def digest(self) -> str:
        """A short digest of the table's shape: operator and host must agree on it."""
        rows = (
            f"{r.opens}|{r.where}|{','.join(r.after)}|{','.join(i.id for i in r.needs)}|{','.join(r.kinds)}|{r.closed}"
            for r in self
        )
        guards = (
            f"{','.join(a.__name__ for a in g.actions)}|{','.join(i.id for i in g.needs)}"
            for g in self.guards
        )
        return hashlib.sha256("\n".join((*rows, *guards)).encode()).hexdigest()[:12]
