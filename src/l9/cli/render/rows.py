"""Lines for people, independent of the terminal's width and character set."""

from __future__ import annotations

from typing import IO

import msgspec

from l9.cli.plain_text import printable

GATE, PHASE, LABEL = 20, 9, 9  # columns of a name

ICONS = {"open": "✔", "closed": "✘", "note": "·", "warn": "▲", "back": "↺"}
ASCII = {"open": "+", "closed": "x", "note": "-", "warn": "!", "back": "<"}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line: an icon (a key of ICONS, or empty), a name `wide` columns wide, a sentence, and seconds.

    `lines`: the most lines of a terminal that it may take; 0 for text to copy, which is never truncated.
    """

    icon: str = ""
    name: str = ""
    text: str = ""
    seconds: float | None = None
    wide: int = GATE
    lines: int = 1


def label(name: str, text: str, lines: int = 1) -> Row:
    """Return a labelled line below another one."""
    return Row(name=name, text=text, wide=LABEL, lines=lines)


def log_line(text: str) -> Row:
    """Return a line of a log."""
    return Row(name="|", text=text, wide=1)


class Charset:
    """The characters of a stream's encoding: icons or their ASCII forms, and text with others escaped."""

    def __init__(self, out: IO[str]) -> None:
        encoding = getattr(out, "encoding", None) or "utf-8"
        self._lossy = None if "utf" in encoding.lower() else encoding
        self.ascii = self._lossy is not None
        self.cut_mark = "..." if self.ascii else "…"

    def icon(self, name: str) -> str:
        return (ASCII if self.ascii else ICONS).get(name, name or " ")

    def text(self, text: str) -> str:
        """Return one printable line in the stream's encoding."""
        safe = printable(text)
        return safe.encode(self._lossy, "backslashreplace").decode(self._lossy) if self._lossy else safe


def plain(row: Row, charset: Charset) -> str:
    """Return a row as a line without escapes, never truncated."""
    name = f"{charset.text(row.name):<{row.wide}} " if row.name else ""
    seconds = f"  {row.seconds:.1f} s" if row.seconds is not None else ""
    return f"{charset.icon(row.icon)} {name}{charset.text(row.text)}{seconds}".rstrip()
