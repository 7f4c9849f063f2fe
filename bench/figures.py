"""Figures: measured values, often with reference values measured at the same time."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SCHEMA = "l9.bench/1"


@dataclass(frozen=True)
class Figure:
    """`values` in `unit`, one per run; `beside` are the reference values, of `beside_what`, in the same order.

    compare: `difference` or `ratio` of each pair. target: the upper limit for the median of the difference (with
    compare `difference`), otherwise of the values.
    """

    key: str
    title: str
    unit: str
    values: tuple[float, ...]
    target: float | None = None
    beside_what: str = ""
    beside: tuple[float, ...] = ()
    compare: str = ""
    note: str = ""

    @property
    def compared(self) -> tuple[float, ...]:
        pairs = tuple(zip(self.values, self.beside, strict=bool(self.beside)))
        if self.compare == "difference":
            return tuple(mine - theirs for mine, theirs in pairs)
        if self.compare == "ratio":
            return tuple(mine / theirs for mine, theirs in pairs if theirs)
        return ()

    @property
    def judged(self) -> tuple[float, ...]:
        """The values that the target applies to."""
        return self.compared if self.compare == "difference" else self.values

    @property
    def met(self) -> bool | None:
        """True if the target is met; None if there is no target."""
        return None if self.target is None else statistics.median(self.judged) <= self.target

    def document(self) -> dict[str, Any]:
        """Return the figure for machines."""
        found = {
            "key": self.key,
            "title": self.title,
            "unit": self.unit,
            **spread(self.values),
            "target": self.target,
            "target_is_for": "difference" if self.compare == "difference" else "value",
            "met": self.met,
            "note": self.note or None,
        }
        if self.beside:
            found["beside"] = {"what": self.beside_what, **spread(self.beside)}
        if self.compared:
            found[self.compare] = spread(self.compared)
        return found


def spread(values: Iterable[float]) -> dict[str, Any]:
    """Return the median, extremes and all values, rounded to the clock's precision."""
    rounded = [round(value, 4) for value in values]
    middle = statistics.median(rounded)
    return {"median": round(middle, 4), "min": min(rounded), "max": max(rounded), "values": rounded}


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as text: one per line, with notes below."""
    lines = []
    for figure in figures:
        mark = {True: "✔", False: "✘", None: " "}[figure.met]
        sign = "+" if figure.compare == "difference" else ""
        target = (
            "" if figure.target is None else f"target {sign}{formatted(figure.target)} {figure.unit}".rstrip()
        )
        lines.append(f"{mark} {figure.title:<58} {_spread(figure.values, figure.unit):<28} {target}".rstrip())
        if figure.beside:
            lines.append(f"    {figure.beside_what:<56} {_spread(figure.beside, figure.unit)}")
        if figure.compare == "difference":
            lines.append(f"    {'difference':<56} {_spread(figure.compared, figure.unit, sign='+')}")
        elif figure.compared:
            lines.append(f"    {'ratio':<56} {_spread(figure.compared, '×')}")
        if figure.note:
            lines.append(f"    {figure.note}")
    return "\n".join(lines)


def _spread(values: tuple[float, ...], unit: str, *, sign: str = "") -> str:
    middle = f"{formatted(statistics.median(values), sign)} {unit}".rstrip()
    if len(set(values)) == 1:
        return middle
    return f"{middle} ({formatted(min(values), sign)}–{formatted(max(values), sign)})"


def formatted(value: float, sign: str = "") -> str:
    """Return a number with the digits that say something."""
    if float(value).is_integer() and abs(value) >= 1:
        return format(value, f"{sign}.0f")
    if value == 0:
        return "0"
    return format(
        value, f"{sign}.0f" if abs(value) >= 100 else f"{sign}.2f" if abs(value) >= 0.1 else f"{sign}.3f"
    )
