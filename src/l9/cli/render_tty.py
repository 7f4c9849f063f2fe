"""A run drawn on a terminal: gates as they open and close, a bar for what takes long."""

from __future__ import annotations

import os
from typing import IO

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from l9.cli.plain_text import printable
from l9.cli.sentences import ICONS, sentences
from l9.core import events as ev

STYLES = {"open": "green", "closed": "bold red", "warn": "yellow", "back": "magenta", "note": "cyan"}


class TtyView:
    """Finished gates scroll up; what is waited for stays at the bottom."""

    def __init__(self, out: IO[str]) -> None:
        plain = bool(os.environ.get("NO_COLOR"))  # no colour, and none of Rich's bold and dim either
        self._console = Console(file=out, highlight=False, color_system=None if plain else "auto")
        self._live = Live(console=self._console, refresh_per_second=12, transient=True)
        self._live.start()
        self._waiting: dict[str, tuple[str, float, float]] = {}
        self._line = ""
        self._spinner = Spinner("dots", style="cyan")

    def entry(self, entry: ev.Entry) -> None:
        """Print what happened; start or end a wait."""
        body = entry.body
        if isinstance(body, ev.GateEntered):
            self._waiting[str(body.gate)] = ("", 0.0, 0.0)
        elif isinstance(body, ev.ActionIntended):
            self._waiting[str(body.gate)] = (str(body.action), 0.0, 0.0)
        elif isinstance(body, ev.GateOpened | ev.GateClosed):
            self._waiting.pop(str(body.gate), None)
        for icon, text in sentences(body):
            self.note(text, icon)
        if isinstance(body, ev.GateClosed | ev.RunFinished):
            self._waiting.clear()
        self._line = ""
        self._draw()

    def progress(self, gate: str, found: str, done: float, total: float) -> None:
        """Note how a gate is doing."""
        self._waiting[gate] = (printable(found), done, total)
        self._draw()

    def line(self, text: str) -> None:
        """The newest line of output, shown while it is the newest."""
        self._line = printable(text)
        self._draw()

    def note(self, text: str, icon: str = "note") -> None:
        """One line that stays."""
        style = STYLES.get(icon, "")
        mark, text = ICONS.get(icon, icon), printable(text)
        name, rest = text[:20], text[20:]
        if icon in STYLES and name.strip() and name.strip() == name.strip().upper():
            shown = f"[{style}]{mark} {escape(name)}[/]{escape(rest)}"
        else:
            shown = f"[{style}]{mark}[/] {escape(text)}" if style else f"{mark} [dim]{escape(text)}[/]"
        self._console.print(shown, overflow="ellipsis", no_wrap=not text.startswith("    "))

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()

    def _draw(self) -> None:
        table = Table.grid(padding=(0, 1))
        for gate, (found, done, total) in self._waiting.items():
            bar = ProgressBar(total=total, completed=done, width=24) if total > 0 else self._spinner
            table.add_row(
                Text(f"  {gate:<20}", style="cyan"), bar, Text(found, style="dim", overflow="ellipsis")
            )
        if self._line:
            table.add_row(Text(""), Text(""), Text(self._line[:100], style="dim"))
        self._live.update(table)
