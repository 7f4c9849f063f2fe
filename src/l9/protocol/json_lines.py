"""The JSON Lines that `--json` prints where a command runs long. Durations in seconds."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from l9.checks.pipeline.stages import StageResult
from l9.core import events as ev


class RunMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of the lines of `deploy`, `rollback`, `resume`, `check`, `logs` and `demo`."""


class Start(RunMessage, frozen=True, kw_only=True, tag="start"):
    """The first line: which schema follows (`l9.run/1`, `l9.logs/1`)."""

    schema: str


class EntryLine(RunMessage, frozen=True, kw_only=True, tag="entry"):
    """A journal entry, as it was written."""

    entry: ev.Entry


class ProgressLine(RunMessage, frozen=True, kw_only=True, tag="progress"):
    """How a gate that waits is doing; `done` and `total` in seconds or counts."""

    gate: str
    found: str
    done: float
    total: float


class TextLine(RunMessage, frozen=True, kw_only=True, tag="line"):
    """One line of a long action's output, or of a log."""

    text: str


class NoteLine(RunMessage, frozen=True, kw_only=True, tag="note"):
    """A remark that is no event. `level` is note, open or warn."""

    level: str
    text: str


class PublicAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the public URL answered from the operator's side; a warning at most."""

    url: str
    status: int | None
    slot: str | UnsetType | None = UNSET
    release: str | UnsetType | None = UNSET
    error: str | UnsetType = UNSET


class DemoStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the demo. `excused` are failed requests that are the bad release's own."""

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


class ResultLine(RunMessage, frozen=True, kw_only=True, tag="result"):
    """The last line. Of a run: how it ended; a field is left out where it has no meaning.

    `attached`: the run was on already. `already_live`: nothing was done. `resumed` false: nothing was to resume.
    `stages` are those of `cgmp` without a tag. `slot` and `lines` are also those of `logs`; `ok`, `steps`, `late`
    and `files` the demo's.
    """

    run: str | UnsetType | None = UNSET
    kind: str | UnsetType = UNSET
    tag: str | UnsetType = UNSET
    outcome: str | UnsetType = UNSET
    exit_code: int | UnsetType = UNSET
    live: str | UnsetType | None = UNSET
    slot: str | UnsetType | None = UNSET
    standby: str | UnsetType | None = UNSET
    seconds: float | UnsetType = UNSET
    closed: ev.GateClosed | UnsetType | None = UNSET
    stages: list[StageResult] | UnsetType = UNSET
    attached: bool | UnsetType = UNSET
    already_live: str | UnsetType = UNSET
    resumed: bool | UnsetType = UNSET
    public: PublicAnswer | UnsetType | None = UNSET
    lines: int | UnsetType = UNSET
    ok: bool | UnsetType = UNSET
    steps: list[DemoStep] | UnsetType = UNSET
    late: bool | UnsetType = UNSET
    files: str | UnsetType = UNSET


Lines = Start | EntryLine | ProgressLine | TextLine | NoteLine | ResultLine
