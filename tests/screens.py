"""A terminal in memory: what is written to it is drawn by a terminal emulator, and read as people see it."""

from __future__ import annotations

import io

import pyte


class Screen(io.StringIO):
    """A stream that says that it is a terminal. `lines` is all that scrolled by and what is on the screen."""

    encoding = "utf-8"  # type: ignore[assignment]

    def __init__(self, columns: int = 80, rows: int = 24, encoding: str = "utf-8") -> None:
        super().__init__()
        self.encoding = encoding  # type: ignore[misc]
        self.raw = ""
        self._screen = pyte.HistoryScreen(columns, rows, history=1000)
        self._stream = pyte.Stream(self._screen)

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        text.encode(self.encoding)  # raises where a real stream of that encoding would
        self.raw += text
        self._stream.feed(text.replace("\n", "\r\n"))
        return len(text)

    @property
    def shown(self) -> list[str]:
        """Return the lines on the screen now, without the empty lines below them."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip("\n").split("\n")

    @property
    def lines(self) -> list[str]:
        """All lines, those that scrolled away first."""
        width = range(self._screen.columns)
        gone = ["".join(line[x].data for x in width).rstrip() for line in self._screen.history.top]
        return [*gone, *self.shown]

    def coloured(self, row: int) -> str:
        """The characters of a line on the screen that have a colour."""
        cells = self._screen.buffer[row]
        return "".join(cells[x].data for x in range(self._screen.columns) if cells[x].fg != "default").strip()
