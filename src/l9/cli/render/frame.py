"""The frame at the bottom of a terminal during a run: the current phase, and the gates it waits for."""

from __future__ import annotations

import time

import msgspec
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from l9.cli.render.layout import fit_line, laid_out
from l9.cli.render.rows import GATE, PHASE, Charset, Row
from l9.protocol.answers.run_lines import ProgressLine

BAR, BAR_FROM = 12, 72  # columns of a progress bar, and of the narrowest terminal that shows one


class Wait(msgspec.Struct, frozen=True):
    """A gate in progress. `since` and `updated` are readings of the monotonic clock, in seconds."""

    gate: str
    since: float
    text: str = ""
    progress: ProgressLine | None = None
    updated: float = 0.0

    def clock(self, now: float) -> str:
        """Return the remaining time if it is known, else the elapsed time."""
        if self.progress is None or not (self.progress.timed and self.progress.total):
            return f"{now - self.since:.0f} s"
        return f"{max(0.0, self.progress.total - self._done(now)):.0f} s left"

    def share(self, now: float) -> float | None:
        """Return the completed share, from 0 to 1; None if it is unknown."""
        if self.progress is None or not self.progress.total:
            return None
        return min(1.0, self._done(now) / self.progress.total)

    def _done(self, now: float) -> float:
        progress = self.progress
        return 0.0 if progress is None else progress.done + (now - self.updated if progress.timed else 0.0)


class Frame:
    """A Rich renderable that fits the terminal's current width and height."""

    def __init__(
        self,
        charset: Charset,
        section: str = "",
        title: str = "",
        gates: tuple[Row, ...] = (),
        waits: tuple[Wait, ...] = (),
        line: str = "",
    ) -> None:
        self._charset = charset
        self._head = (section, title)
        self._gates, self._waits, self._line = gates, waits, line

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now = time.monotonic()
        section, title = self._head
        below = [*(self._waiting(w, console, now) for w in self._waits)]
        if self._line:
            below += laid_out(Row(name=" ", text=self._line), console, self._charset, dim=True)
        if section:
            head = Row(icon=self._spinner(now), name=section, text=title, wide=PHASE)
            room = max(0, console.size.height - len(below) - 2)
            gates = self._gates[-room:] if room else ()
            yield from laid_out(head, console, self._charset, style="cyan")
            for gate in gates:
                yield from laid_out(gate, console, self._charset)
        yield from below

    def _waiting(self, wait: Wait, console: Console, now: float) -> Text:
        bar, share = "", wait.share(now)
        if share is not None and console.width >= BAR_FROM:
            filled = round(share * BAR)
            bar = ("#" if self._charset.ascii else "━") * filled + ("-" if self._charset.ascii else "╌") * (
                BAR - filled
            )
        gate, text = self._charset.text(wait.gate), self._charset.text(wait.text)
        text = f"{bar} {text}" if bar else text
        return fit_line(
            console.width, self._charset, " ", f"{gate:<{GATE}}", text, wait.clock(now), "cyan", dim=True
        )

    def _spinner(self, now: float) -> str:
        frames = "|/-\\" if self._charset.ascii else "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
        return frames[int(now * 10) % len(frames)]
