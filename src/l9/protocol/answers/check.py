"""`l9 check`, `l9 ready`, `l9 checklist`: the verdicts by invariant or by criterion."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from l9.catalogue import Judged
from l9.core.invariant import Weight
from l9.core.states import State, Substrate
from l9.criteria import Line
from l9.protocol.answers.answer import Answer


class Fixed(msgspec.Struct, frozen=True, kw_only=True):
    """One fix by `l9 check --fix`, as a command that does the same."""

    id: str
    did: str


class Check(Answer, frozen=True, kw_only=True, tag="l9.check/1"):
    """`l9 check`: `tag` is None for HEAD; `ready` if nothing fails or is unknown.

    fixed: with `--fix`, the changes in the working tree before the check; None without it.
    """

    tag: str | None
    commit: str
    ready: bool
    invariants: tuple[Judged, ...]
    fixed: tuple[Fixed, ...] | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The live release in the journal: `evidence` is its gates' findings, by invariant."""

    release: str | None = None
    evidence: Mapping[str, str] = {}


class HostCheck(Answer, frozen=True, kw_only=True, tag="l9.host-check/1"):
    """The host's part of a check: its invariants judged now, and the live release's record."""

    invariants: tuple[Judged, ...]
    record: Record


class Criteria(Answer, frozen=True, kw_only=True):
    """Base. `tag` is None for HEAD; `ready`: no criterion is open."""

    tag: str | None
    commit: str
    ready: bool
    lines: tuple[Line, ...]


class Ready(Criteria, frozen=True, kw_only=True, tag="l9.ready/1"):
    """`l9 ready`: the criteria of readiness for production."""


class Checklist(Criteria, frozen=True, kw_only=True, tag="l9.checklist/1"):
    """`l9 checklist`: the lines of the spec's checklist."""


class Explained(Answer, frozen=True, kw_only=True, tag="l9.invariant/1"):
    """`l9 check --explain ID`: one invariant, its observable, and the gates that need it."""

    id: str
    why: str
    clause: str
    substrate: Substrate
    weight: Weight
    observes: tuple[str, ...]
    gates: tuple[State, ...]
