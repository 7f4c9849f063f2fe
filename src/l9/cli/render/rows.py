"""A line for people, before it is known how wide it may be and in which characters."""

from __future__ import annotations

from typing import IO

import msgspec

from l9.cli.plain_text import printable

GATE, PHASE, LABEL = 20, 9, 9  # columns of a name

ICONS = {"open": "✔", "closed": "✘", "note": "·", "warn": "▲", "back": "↺"}
ASCII = {"open": "+", "closed": "x", "note": "-", "warn": "!", "back": "<"}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line: an icon (a key of ICONS, or empty), a name `wide` columns wide, a sentence, and seconds.

    `lines`: how many lines of a terminal it may take; 0 for what is never cut, because people copy it.
    """

    icon: str = ""
    name: str = ""
    text: str = ""
    seconds: float | None = None
    wide: int = GATE
    lines: int = 1


def label(name: str, text: str, lines: int = 1) -> Row:
    """A labelled line below another one."""
    return Row(name=name, text=text, wide=LABEL, lines=lines)


def log_line(text: str) -> Row:
    """A line of a log."""
    return Row(name="|", text=text, wide=1)


class Charset:
    """What a stream's encoding can show: icons or their ASCII, and text with what it lacks spelled out."""

    def __init__(self, out: IO[str]) -> None:
        encoding = getattr(out, "encoding", None) or "utf-8"
        self._lossy = None if "utf" in encoding.lower() else encoding
        self.ascii = self._lossy is not None
        self.cut_mark = "..." if self.ascii else "…"

    def icon(self, name: str) -> str:
        return (ASCII if self.ascii else ICONS).get(name, name or " ")

    def text(self, text: str) -> str:
        """One harmless line, in characters that the stream has."""
        shown = printable(text)
        return shown.encode(self._lossy, "backslashreplace").decode(self._lossy) if self._lossy else shown


def plain(row: Row, charset: Charset) -> str:
    """A row as a line without escapes, never cut."""
    name = f"{charset.text(row.name):<{row.wide}} " if row.name else ""
    seconds = f"  {row.seconds:.1f} s" if row.seconds is not None else ""
    return f"{charset.icon(row.icon)} {name}{charset.text(row.text)}{seconds}".rstrip()
