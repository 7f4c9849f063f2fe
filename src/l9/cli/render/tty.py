"""A run drawn on a terminal: the current phase gate by gate, each finished one in one line."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from typing import IO

from rich.console import Console
from rich.live import Live

from l9.cli.render.frame import Frame, Wait
from l9.cli.render.layout import laid_out
from l9.cli.render.narrator import LIVE, Narrator, opened_row
from l9.cli.render.rows import Charset, Row
from l9.cli.render.sections import Section, folded, gates_in, section_of
from l9.core import events as ev
from l9.core.states import Kind, Substrate
from l9.graph import GRAPH
from l9.protocol.answers.run_lines import ProgressLine

END = 10  # most lines for the end of a run
EVERY = 1 / 12  # seconds between two refreshes


class TtyView:
    """Finished phases scroll up; the current one, and the gates it waits for, stay at the bottom.

    A phase in which a gate closes is shown gate by gate; with `verbose` or without `fold`, every phase is.
    """

    def __init__(self, out: IO[str], *, verbose: bool = False, fold: bool = True) -> None:
        colourless = bool(os.environ.get("NO_COLOR"))  # no bold and dim of Rich's either
        self._console = Console(file=out, highlight=False, color_system=None if colourless else "auto")
        self._charset = Charset(out)
        self._narrator = Narrator(verbose=verbose)
        self._verbose = verbose
        self._fold = fold and not verbose
        self._run = ""
        self._kind = Kind.DEPLOY
        self._section: Section | None = None
        self._opened: dict[str, ev.GateOpened] = {}
        self._spans: dict[Substrate, tuple[float, float]] = {}
        self._waits: dict[str, Wait] = {}
        self._line = ""
        self._frame = Frame(self._charset)
        self._live = Live(
            get_renderable=lambda: self._frame,
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
        )
        self._live.start()
        # Rich's own refresh thread could draw in the middle of a print and erase printed lines.
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._drawing = threading.Thread(target=self._keep_drawing, daemon=True)
        self._drawing.start()

    def entry(self, entry: ev.Entry) -> None:
        """Show an event; start or end a wait, a phase, or the run."""
        body, now = entry.body, time.monotonic()
        if entry.run != self._run:
            if self._waits:
                self._unfold()  # the run stopped in this phase
            else:
                self._end_section()
            self._run = entry.run
        if isinstance(body, ev.GateEntered | ev.ActionIntended | ev.GateOpened | ev.GateClosed):
            self._enter(section_of(body.gate), GRAPH.row(body.gate).where, entry.at)
        rows = self._narrator.rows(entry)
        match body:
            case ev.RunStarted(kind=kind):
                self._kind = kind
            case ev.GateEntered(gate=gate):
                self._waits[gate] = Wait(gate, now)
                rows = []
            case ev.ActionIntended(gate=gate, action=action):
                self._waits[gate] = Wait(gate, now, str(action))
            case ev.GateOpened(gate=gate):
                self._waits.pop(gate, None)
                self._opened[gate] = body
                if self._fold:
                    rows = [row for row in rows if row.name == LIVE]
                    if rows:
                        self._end_section()  # the proof is the last gate of its phase
            case ev.GateClosed():
                self._unfold()
            case ev.RunFinished():
                self._end_section()
                rows = self._fitted(rows)
        self._print(rows)
        self._line = ""
        self._draw()

    def progress(self, progress: ProgressLine) -> None:
        """Update the progress of a gate."""
        now = time.monotonic()
        known = self._waits.get(progress.gate) or Wait(progress.gate, now)
        self._waits[progress.gate] = Wait(progress.gate, known.since, progress.found, progress, now)
        self._draw()

    def line(self, text: str) -> None:
        """Show the newest line of output until the next one."""
        self._line = text
        self._draw()

    def note(self, text: str, icon: str = "note") -> None:
        """Print one permanent line."""
        self.row(Row(icon=icon, text=text, lines=0))

    def row(self, row: Row) -> None:
        self._print([row])

    def close(self) -> None:
        """Stop drawing; an unfinished phase stays as it is."""
        self._over.set()
        self._drawing.join()
        self._unfold()
        self._draw()
        self._live.stop()

    def refresh(self) -> None:
        """Draw the current frame."""
        with self._lock:
            self._live.refresh()

    # ── phases ───────────────────────────────────────────────────────────────────────────────────

    def _enter(self, section: Section, where: Substrate, at: float) -> None:
        if section is not self._section:
            self._end_section()
            self._section = section
        began, _ = self._spans.get(where, (at, at))
        self._spans[where] = (began, at)  # per machine: clocks differ

    def _end_section(self) -> None:
        if self._fold and self._section is not None and self._opened:
            seconds = sum(end - began for began, end in self._spans.values())
            self._print([folded(self._section, tuple(self._opened.values()), seconds)])
        self._reset()

    def _unfold(self) -> None:
        if self._fold:
            self._print(opened_row(gate) for gate in self._opened.values())
        self._reset()

    def _reset(self) -> None:
        self._section = None
        self._opened, self._spans, self._waits = {}, {}, {}

    # ── drawing ──────────────────────────────────────────────────────────────────────────────────

    def _draw(self) -> None:
        """Replace the frame for the drawing thread in one assignment."""
        gates = tuple(map(opened_row, self._opened.values())) if self._fold else ()
        title = ""
        if self._section is not None:
            title = f"{len(self._opened)} of {gates_in(self._section, self._kind)} gates"
        self._frame = Frame(
            self._charset, self._section or "", title, gates, tuple(self._waits.values()), self._line
        )

    def _keep_drawing(self) -> None:
        while not self._over.wait(EVERY):
            self.refresh()

    def _print(self, rows: Iterable[Row]) -> None:
        with self._lock:
            for row in rows:
                for text in laid_out(row, self._console, self._charset):
                    self._console.print(text, soft_wrap=not row.lines, no_wrap=True, crop=bool(row.lines))

    def _fitted(self, rows: list[Row]) -> list[Row]:
        """Drop the oldest log lines if the rows would take more than END lines."""
        rows = list(rows)
        while sum(len(laid_out(r, self._console, self._charset)) for r in rows) > END:
            oldest = next((r for r in rows if r.name == "|"), None)
            if oldest is None:
                break
            rows.remove(oldest)
        return rows
