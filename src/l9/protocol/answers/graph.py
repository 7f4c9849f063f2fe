"""`l9 graph`."""

from __future__ import annotations

import msgspec

from l9.core.states import Kind, Phase, State, Substrate
from l9.protocol.answers.answer import Answer


class GateNeed(msgspec.Struct, frozen=True, kw_only=True):
    """One invariant that a gate or an action needs."""

    id: str
    why: str
    clause: str


class GateRow(msgspec.Struct, frozen=True, kw_only=True):
    """One gate of the table. `closed` is the outcome of a run in which it stays closed."""

    opens: State
    where: Substrate
    phase: Phase
    kinds: tuple[Kind, ...]
    after: tuple[State, ...]
    acts: bool
    needs: tuple[GateNeed, ...]
    closed: State
    summary: str


class GuardRow(msgspec.Struct, frozen=True, kw_only=True):
    """Invariants that must hold before actions are performed. `case`: the runs that it applies to; empty for all."""

    actions: tuple[str, ...]
    case: str
    needs: tuple[GateNeed, ...]


class GraphTable(Answer, frozen=True, kw_only=True, tag="l9.graph/1"):
    """`l9 graph`. The operator's side and the host compare `digest`."""

    digest: str
    gates: tuple[GateRow, ...]
    guards: tuple[GuardRow, ...]
