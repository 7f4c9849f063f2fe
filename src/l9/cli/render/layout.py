"""Lays out rows as lines of a terminal: width, truncation, wrapping and colour."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from l9.cli.render.rows import Charset, Row

STYLES = {"open": "green", "closed": "bold red", "warn": "yellow", "back": "magenta", "note": "cyan"}
MIN_TEXT = 24  # columns; the seconds are dropped rather than leave a sentence fewer


def laid_out(
    row: Row, console: Console, charset: Charset, *, style: str = "", dim: bool = False
) -> list[Text]:
    """Return a row as lines of the terminal: truncated, wrapped, or at full length if `lines` is 0."""
    width, text = console.width, charset.text(row.text)
    icon = charset.icon(row.icon)
    style = style or STYLES.get(row.icon, "")
    name = f"{charset.text(row.name):<{row.wide}}" if row.name else ""
    if not row.lines:
        return [_joined(icon, name, text, style)]
    room = width - 2 - (len(name) + 1 if name else 0)
    if row.lines == 1 or cell_len(text) <= room:
        seconds = f"{row.seconds:.1f} s" if row.seconds is not None else ""
        return [fit_line(width, charset, icon, name, text, seconds, style, dim=dim)]
    parts = [str(part) for part in Text(text).wrap(console, max(8, room), overflow="fold")]
    if len(parts) > row.lines:
        parts[row.lines - 1 :] = [" ".join(parts[row.lines - 1 :])]
    blank = " " * len(name)
    return [
        fit_line(width, charset, icon if not n else " ", name if not n else blank, part.rstrip(), "", style)
        for n, part in enumerate(parts)
    ]


def fit_line(
    width: int,
    charset: Charset,
    icon: str,
    name: str,
    text: str,
    right: str,
    style: str,
    *,
    dim: bool = False,
) -> Text:
    """Return one line, at most `width` wide: truncates the sentence, and drops the seconds if space is short."""
    room = width - 2 - (len(name) + 1 if name else 0)
    if right and room - len(right) - 2 < min(MIN_TEXT, cell_len(text)):
        right = ""
    space = room - (len(right) + 2 if right else 0)
    if cell_len(text) > space:
        text = set_cell_size(text, max(0, space - len(charset.cut_mark))).rstrip() + charset.cut_mark
    line = _joined(icon, name, text, style, dim=dim)
    if right:
        line.append(" " * (width - line.cell_len - len(right)))
        line.append(right, "dim")
    line.truncate(width)
    return line


def _joined(icon: str, name: str, text: str, style: str, *, dim: bool = False) -> Text:
    """Join the parts of a line. Only icon and name are coloured."""
    line = Text(f"{icon} ", style="")
    line.stylize(style, 0, len(icon))
    if name:
        line.append(name.rstrip(), style)
        line.append(" " * (len(name) - len(name.rstrip()) + 1))
    line.append(text, "dim" if dim else "")
    line.rstrip()
    return line
