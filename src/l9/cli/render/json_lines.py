"""A run as JSON Lines."""

from __future__ import annotations

from typing import IO

from l9.cli.plain_text import json_line
from l9.cli.render.rows import Row
from l9.core import events as ev
from l9.protocol.answers.run_lines import (
    EntryLine,
    NoteLine,
    ProgressLine,
    ResultLine,
    RunMessage,
    Start,
    TextLine,
)
from l9.protocol.answers.runs import CgmpResult, DemoResult, LogsResult, RunResult


class JsonView:
    """Writes the journal's own events as JSON Lines; nothing if the command fails before the first."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._started = False

    def entry(self, entry: ev.Entry) -> None:
        self._write(EntryLine(entry=entry))

    def progress(self, progress: ProgressLine) -> None:
        self._write(progress)

    def line(self, text: str) -> None:
        self._write(TextLine(text=text))

    def note(self, text: str, icon: str = "note") -> None:
        self._write(NoteLine(text=text, level=icon))

    def row(self, row: Row) -> None:
        self.note(f"{row.name} {row.text}".strip(), row.icon)

    def result(self, answer: RunResult | CgmpResult | LogsResult | DemoResult) -> None:
        self._write(ResultLine(answer=answer))

    def close(self) -> None:
        pass

    def _write(self, line: RunMessage) -> None:
        if not self._started:
            self._started = True
            self._write(Start())
        self._out.write(json_line(line))
        self._out.flush()
