"""Results of runs, and the runs on record: deploy, rollback, resume, cgmp, demo, logs, history, explain."""

from __future__ import annotations

import msgspec

from l9.checks.pipeline.stages import StageResult
from l9.core import events as ev
from l9.core.states import Kind, Slot, State
from l9.protocol.answers.answer import Answer


class PublicAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The public URL's response to the operator's side; a warning at most. `status` is None without a response."""

    url: str
    status: int | None = None
    slot: str | None = None
    release: str | None = None
    error: str = ""


class RunResult(Answer, frozen=True, kw_only=True, tag="l9.run/1"):
    """`l9 deploy`, `rollback`, `resume`, `cgmp TAG`: the run's result; None for a field without meaning.

    `outcome` is a terminal state, or the last gate of `l9 cgmp`; None if there was nothing to resume, which
    `resumed` false shows. `watched`: what the release answered that users went back to. `attached`: the run was
    already running. `already_live`: nothing was done.
    """

    run: str | None = None
    kind: Kind | None = None
    tag: str | None = None
    outcome: State | None = None
    exit_code: int = 0
    live: str | None = None
    slot: Slot | None = None
    standby: str | None = None
    seconds: float | None = None
    closed: ev.GateClosed | None = None
    watched: ev.Evidence | None = None
    attached: bool = False
    already_live: str | None = None
    resumed: bool = True
    public: PublicAnswer | None = None


class CgmpResult(Answer, frozen=True, kw_only=True, tag="l9.cgmp/1"):
    """`l9 cgmp` without a tag: the stages for HEAD, and the gate that they open."""

    outcome: State
    exit_code: int
    stages: tuple[StageResult, ...]


class LogsResult(Answer, frozen=True, kw_only=True, tag="l9.logs/1"):
    """`l9 logs`: the slot, and the number of lines."""

    slot: Slot
    lines: int


class DemoStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the demo. `excused`: failed requests that the bad release itself caused."""

    step: int
    title: str
    outcome: str
    exit_code: int
    wanted: int
    seconds: float
    served: int
    failed: int
    excused: int
    ok: bool


class DemoResult(Answer, frozen=True, kw_only=True, tag="l9.demo/1"):
    """`l9 demo`: its steps. `late`: the load generator was late, so no figure counts. `files`: their directory."""

    ok: bool
    steps: tuple[DemoStep, ...]
    late: bool
    files: str


class RunLine(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `outcome` is unfinished, or the terminal state; `closed_by` and `reason` are set if a gate closed."""

    run: str
    kind: Kind
    tag: str
    previous: str | None
    who: str
    started_at: float
    seconds: float | None
    outcome: str
    live: str | None
    closed_by: State | None
    reason: str | None


class History(Answer, frozen=True, kw_only=True, tag="l9.history/1"):
    """`l9 history`: newest first."""

    runs: tuple[RunLine, ...]


class Verified(Answer, frozen=True, kw_only=True, tag="l9.verified/1"):
    """`l9 history --verify`: the chain of the journal's entries is intact."""

    entries: int
    verified: bool = True


class Explain(Answer, frozen=True, kw_only=True, tag="l9.explain/1"):
    """`l9 explain`: one run, and all of its journal entries."""

    summary: RunLine
    entries: tuple[ev.Entry, ...]
