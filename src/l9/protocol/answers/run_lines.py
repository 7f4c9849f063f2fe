"""The JSON Lines of long-running commands, as the agent sends them and as `--json` prints them."""

from __future__ import annotations

from typing import Literal

import msgspec

from l9.core import events as ev
from l9.core.verdict import Pending
from l9.protocol.answers.runs import CgmpResult, DemoResult, LogsResult, RunResult


class RunMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of the lines of `deploy`, `rollback`, `resume`, `cgmp`, `logs` and `demo`."""


class Start(RunMessage, frozen=True, kw_only=True, tag="start"):
    """The first line that is printed."""

    schema: Literal["l9.lines/1"] = "l9.lines/1"


class EntryLine(RunMessage, frozen=True, kw_only=True, tag="entry"):
    """A journal entry, unchanged."""

    entry: ev.Entry


class ProgressLine(RunMessage, frozen=True, kw_only=True, tag="progress"):
    """A waiting gate's progress: `done` of `total`, in seconds if `timed`. Not journalled."""

    gate: str
    found: str
    done: float = 0.0
    total: float = 0.0
    timed: bool = True


class TextLine(RunMessage, frozen=True, kw_only=True, tag="line"):
    """One line of a long action's output, or of a log."""

    text: str


class NoteLine(RunMessage, frozen=True, kw_only=True, tag="note"):
    """A note that is not an event. `level` is note, open or warn."""

    text: str
    level: str = "note"


class ResultLine(RunMessage, frozen=True, kw_only=True, tag="result"):
    """The last line of a successful command: its answer."""

    answer: RunResult | CgmpResult | LogsResult | DemoResult


def progress_of(gate: str, pending: Pending) -> ProgressLine:
    """Return the line for a waiting gate."""
    return ProgressLine(
        gate=gate, found=pending.found, done=pending.done, total=pending.total, timed=pending.timed
    )


Lines = Start | EntryLine | ProgressLine | TextLine | NoteLine | ResultLine
