"""Plots as SVG: a bar a figure with its median, a whisker from the least to the most, and a mark at the target.

Colours follow the reader's light or dark mode. Written by hand, since a plotting library would be a dependency.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LABELS, VALUES = 860, 400, 130  # pixels: the whole, the names on the left, the numbers on the right
ROW, BAR, THIN, GAP, TOP = 34, 12, 7, 3, 34
STYLE = """
  :root { color-scheme: light dark }
  svg { --ink: #1f2328; --dim: #656d76; --bar: #2f6fb2; --floor: #b6bec8; --bad: #bf5b16 }
  svg { --line: #d0d7de; --back: #ffffff }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --dim: #9198a1; --bar: #5aa2e6; --floor: #5a6370; --bad: #e8894a }
    svg { --line: #3d444d; --back: #0d1117 }
  }
  text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: var(--ink) }
  .dim, .small { fill: var(--dim) } .small { font-size: 9px } .title { font-weight: 600; font-size: 13px }
  .bar { fill: var(--bar) } .floor { fill: var(--floor) } .missed { fill: var(--bad) }
  .whisker { stroke: var(--ink); stroke-width: 1.2 } .grid { stroke: var(--line) }
  .target { stroke: var(--ink); stroke-width: 2; stroke-dasharray: 3 2 }
"""


@dataclass(frozen=True)
class Bar:
    """One row: median, least and most in `unit`; `beside` is the floor's median, `met` whether the target is."""

    label: str
    unit: str
    median: float
    least: float
    most: float
    target: float | None = None
    beside: float | None = None
    beside_what: str = ""
    met: bool | None = None


def plot(title: str, bars: Sequence[Bar]) -> str:
    """Return the plot. Rows of another unit, or with far larger values, are on a scale of their own."""
    parts: list[str] = []
    top = TOP
    for unit, rows in _by_unit(bars):
        most = max(max(b.most, b.target or 0.0, b.beside or 0.0) for b in rows) or 1.0
        step = _step(most)
        scale = (WIDTH - LABELS - VALUES) / (math.ceil(most / step) * step)
        bottom = top + ROW * len(rows)
        for tick in range(math.ceil(most / step) + 1):
            x = LABELS + tick * step * scale
            parts.append(f'<line class="grid" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>')
            parts.append(
                f'<text class="dim" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{tick * step:g}'
                f"{' ' + unit if tick == 0 else ''}</text>"
            )
        for number, bar in enumerate(rows):
            parts += _row(bar, top + number * ROW, scale)
        top = bottom + 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}" '
        f'role="img" aria-label="{escape(title)}">\n<style>{STYLE}</style>\n'
        f'<rect width="{WIDTH}" height="{top}" style="fill: var(--back)"/>\n'
        f'<text class="title" x="8" y="20">{escape(title)}</text>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _row(bar: Bar, top: int, scale: float) -> Iterable[str]:
    middle = top + 4 + BAR / 2
    kind = "missed" if bar.met is False else "bar"
    label = bar.label if len(bar.label) <= 62 else f"{bar.label[:61]}…"
    yield f'<text x="{LABELS - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(label)}</text>'
    yield _rect(kind, top + 4, bar.median * scale, BAR)
    yield f'<line class="whisker" x1="{_x(bar.least, scale)}" y1="{middle}" x2="{_x(bar.most, scale)}" y2="{middle}"/>'
    for end in (bar.least, bar.most):
        x = _x(end, scale)
        yield f'<line class="whisker" x1="{x}" y1="{middle - 3}" x2="{x}" y2="{middle + 3}"/>'
    if bar.beside is not None:
        yield _rect("floor", top + 4 + BAR + GAP, bar.beside * scale, THIN)
        what = f"{bar.beside_what} {bar.beside:.3g}".strip()
        x, y = float(_x(bar.beside, scale)) + 5, top + 4 + BAR + GAP + 8
        yield f'<text class="small" x="{x:.1f}" y="{y}">{escape(what)}</text>'
    if bar.target is not None:
        x = _x(bar.target, scale)
        yield f'<line class="target" x1="{x}" y1="{top + 1}" x2="{x}" y2="{top + BAR + 7}"/>'
    words = f"{bar.median:.3g} {bar.unit}".strip() + (f" of {bar.target:g}" if bar.target is not None else "")
    yield f'<text x="{WIDTH - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(words)}</text>'


def _rect(kind: str, top: float, width: float, height: int) -> str:
    return f'<rect class="{kind}" x="{LABELS}" y="{top}" width="{max(0.0, width):.1f}" height="{height}"/>'


def _x(value: float, scale: float) -> str:
    return f"{LABELS + max(0.0, value) * scale:.1f}"


def _by_unit(bars: Sequence[Bar]) -> Iterable[tuple[str, list[Bar]]]:
    """Group rows by unit, in the order in which the units come."""
    found: dict[str, list[Bar]] = {}
    for bar in bars:
        found.setdefault(bar.unit, []).append(bar)
    return found.items()


def _step(most: float) -> float:
    """Return a round distance between ticks, with 3 to 6 of them."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(s * power for s in (0.2, 0.5, 1.0, 2.0) if most / (s * power) <= 5.5)
