"""docs/reliability.md, written from the results of the matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from faults.moments import Column
from faults.results import REPOSITORY, Result

PAGE = REPOSITORY / "docs" / "reliability.md"
# Why a cell is not perfect, by fault and the beginning of its moment's name: kept beside the code that may change it.
REASONS = Path(__file__).with_name("reasons.json")

INTRODUCTION = """\
# Reliability: what happens when something breaks

Written by `make faults` from the results of its last run; not edited by hand.

Each row is a fault; each column a phase in which it begins. A cell is one run on a real host (ssh, Docker Compose,
Caddy, PostgreSQL) under open-loop load: kept-alive POSTs and GETs, new connections, slow requests, a WebSocket and
an event stream. The run is held at one exact entry of its journal until the fault has begun.

A cell is **perfect** if, seen from outside, one slot serves the right release; no request failed but those that the
fault itself makes fail (at most what the same fault cost with no run on, and a little more); the run has ended;
`l9 status`, `l9 drift`, `.deployed-tag`, containers and lock agree with what answers; nothing is left over; the exit
code and the message are right (5 where users met the fault's errors on the release that they went back to); and the
commands that were printed, where any were needed, worked when typed.

| mark | meaning |
|---|---|
| ✔ | perfect, and nothing had to be typed |
| ✔ `n` | perfect; `n` printed commands were typed |
| ✘ | not perfect: listed below with its reason |
| – | the fault does not apply in that phase |

A number after `f` counts the failed requests, all of them within the fault's own bound.
"""


def page(results: Sequence[Result]) -> str:
    """Return the page."""
    return (
        "\n".join(
            [INTRODUCTION, *_figures(results), *_table(results), *_imperfect(results), *_worst(results)]
        )
        + "\n"
    )


def _figures(results: Sequence[Result]) -> Iterator[str]:
    ran = [r for r in results if r.seen is not None]
    sent = sum(r.seen.sent for r in ran if r.seen)
    clean = [r for r in ran if r.seen and not r.seen.failed]
    red = [r for r in ran if r.complaints]
    commits = sorted({r.commit for r in ran})
    yield "## Figures\n"
    yield f"- {len(ran)} cells ran, {len(ran) - len(red)} of them perfect; {len(results) - len(ran)} do not apply."
    yield f"- {sent:,} requests in all. In {len(clean)} cells none failed."
    typed = sum(bool(r.seen and r.seen.typed) for r in ran)
    yield f"- In {typed} cells somebody had to type what was printed; in the others l9 came to its end alone."
    yield f"- Commit: {', '.join(commits)}.\n"


def _table(results: Sequence[Result]) -> Iterator[str]:
    cells = {(r.fault, r.column): r for r in results}
    titles = dict.fromkeys((r.fault, r.title) for r in results)
    yield "## The matrix\n"
    yield "| fault | " + " | ".join(Column) + " |"
    yield "|---|" + "---|" * len(Column)
    for fault, title in titles:
        yield f"| {title} | " + " | ".join(_mark(cells.get((fault, column))) for column in Column) + " |"
    yield ""


def _mark(result: Result | None) -> str:
    if result is None or result.not_applicable:
        return "–"
    if result.complaints or result.seen is None:
        return "✘"
    typed = f" `{len(result.seen.typed)}`" if result.seen.typed else ""
    failed = f" f{len(result.seen.failed)}" if result.seen.failed else ""
    return f"✔{typed}{failed}"


def _imperfect(results: Iterable[Result]) -> Iterator[str]:
    yield "## Cells that are not perfect\n"
    red = [r for r in results if r.complaints]
    if not red:
        yield "None.\n"
        return
    reasons = _reasons()
    yield "| fault | moment | what was seen | reason |"
    yield "|---|---|---|---|"
    for r in red:
        seen = "; ".join(one.splitlines()[0].replace("|", "\\|") for one in r.complaints)
        yield f"| {r.title} | {r.moment} | {seen[:240]} | {reason_of(reasons, r)} |"
    yield ""


def without_reason(results: Iterable[Result]) -> list[Result]:
    """The cells that are not perfect, and of which nobody has written down why."""
    reasons = _reasons()
    return [r for r in results if r.complaints and not reason_of(reasons, r)]


def _reasons() -> dict[str, str]:
    return msgspec.json.decode(REASONS.read_bytes(), type=dict[str, str])


def reason_of(reasons: dict[str, str], result: Result) -> str:
    """The reason that is known for an imperfect cell; empty if there is none."""
    return reasons.get(f"{result.fault} @ {result.moment}") or reasons.get(result.fault, "")


def _worst(results: Iterable[Result]) -> Iterator[str]:
    yield "## The worst of each fault\n"
    yield "Failed requests with no run on (the control), the most in any cell, the longest time until all was well.\n"
    yield "| fault | control | worst | well again after |"
    yield "|---|---|---|---|"
    by_fault: dict[str, list[Result]] = {}
    for r in results:
        if r.seen is not None:
            by_fault.setdefault(r.title, []).append(r)
    for title, cells in by_fault.items():
        control = [len(r.seen.failed) for r in cells if r.seen and r.column == Column.IDLE]
        worst = max(len(r.seen.failed) for r in cells if r.seen)
        settled = max((r.seen.settled or 0.0) for r in cells if r.seen)
        yield f"| {title} | {control[0] if control else '–'} | {worst} | {settled:.0f} s |"
