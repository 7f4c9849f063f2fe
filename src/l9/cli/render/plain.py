"""A run in plain lines: one per gate, no escapes, nothing truncated. A waiting gate reports every few seconds."""

from __future__ import annotations

import time
from typing import IO

from l9.cli.render.narrator import Narrator
from l9.cli.render.rows import Charset, Row, plain
from l9.core import events as ev
from l9.protocol.answers.run_lines import ProgressLine


class PlainView:
    """Writes each row as soon as it is known."""

    EVERY = 5.0  # seconds

    def __init__(self, out: IO[str], *, verbose: bool = False) -> None:
        self._out = out
        self._charset = Charset(out)
        self._narrator = Narrator(verbose=verbose)
        self._written_at = time.monotonic()

    def entry(self, entry: ev.Entry) -> None:
        for row in self._narrator.rows(entry):
            self.row(row)

    def progress(self, progress: ProgressLine) -> None:
        if time.monotonic() - self._written_at > self.EVERY:
            left = (
                f", {progress.total - progress.done:.0f} s left" if progress.timed and progress.total else ""
            )
            self.row(Row(icon="note", name=progress.gate, text=progress.found + left))

    def line(self, text: str) -> None:
        if time.monotonic() - self._written_at > self.EVERY:
            self.row(Row(icon="note", name=" ", text=text))

    def note(self, text: str, icon: str = "note") -> None:
        self.row(Row(icon=icon, text=text))

    def row(self, row: Row) -> None:
        self._write(plain(row, self._charset))

    def close(self) -> None:
        pass

    def _write(self, line: str) -> None:
        self._written_at = time.monotonic()
        self._out.write(line + "\n")
        self._out.flush()
