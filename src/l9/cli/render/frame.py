"""What stands at the bottom of a terminal while a run goes on: the phase that is on, and what is waited for."""

from __future__ import annotations

import time

import msgspec
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from l9.cli.render.layout import fit_line, laid_out
from l9.cli.render.rows import GATE, PHASE, Charset, Row
from l9.protocol.answers.run_lines import ProgressLine

BAR, BAR_FROM = 12, 72  # columns of a bar, and of the narrowest terminal that has one


class Wait(msgspec.Struct, frozen=True):
    """A gate that is worked on. `since` and `told` are readings of the monotonic clock."""

    gate: str
    since: float
    text: str = ""
    seen: ProgressLine | None = None
    told: float = 0.0

    def clock(self, now: float) -> str:
        """How long still, where that is known, else how long so far."""
        if self.seen is None or not (self.seen.timed and self.seen.total):
            return f"{now - self.since:.0f} s"
        return f"{max(0.0, self.seen.total - self._done(now)):.0f} s left"

    def share(self, now: float) -> float | None:
        """How much of it is over, from 0 to 1; None where that is not known."""
        if self.seen is None or not self.seen.total:
            return None
        return min(1.0, self._done(now) / self.seen.total)

    def _done(self, now: float) -> float:
        seen = self.seen
        return 0.0 if seen is None else seen.done + (now - self.told if seen.timed else 0.0)


class Frame:
    """What stands at the bottom of the terminal: as wide and as high as that is at the time."""

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
            head = Row(icon=self._spin(now), name=section, text=title, wide=PHASE)
            room = max(0, console.size.height - len(below) - 2)
            gates = self._gates[-room:] if room else ()
            yield from laid_out(head, console, self._charset, style="cyan")
            for gate in gates:
                yield from laid_out(gate, console, self._charset)
        yield from below

    def _waiting(self, wait: Wait, console: Console, now: float) -> Text:
        bar, share = "", wait.share(now)
        if share is not None and console.width >= BAR_FROM:
            full = round(share * BAR)
            bar = ("#" if self._charset.ascii else "━") * full + ("-" if self._charset.ascii else "╌") * (
                BAR - full
            )
        gate, text = self._charset.text(wait.gate), self._charset.text(wait.text)
        text = f"{bar} {text}" if bar else text
        return fit_line(
            console.width, self._charset, " ", f"{gate:<{GATE}}", text, wait.clock(now), "cyan", dim=True
        )

    def _spin(self, now: float) -> str:
        turns = "|/-\\" if self._charset.ascii else "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
        return turns[int(now * 10) % len(turns)]
