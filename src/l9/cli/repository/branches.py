"""`l9 branches`: the branches beside main, with age, distance from main and name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from l9.cli.context import HELP, json_option, project, show, target_option

if TYPE_CHECKING:
    from l9.checks.git.facts import Branch
    from l9.protocol.answers.branches import BranchLine, BranchList


@click.command("branches", context_settings=HELP)
@target_option
@json_option
def command(target: str | None, as_json: bool) -> int:
    """List local and origin branches with age, distance from main and name; mark old and misnamed ones."""
    from l9.drivers.git.branches import branches
    from l9.protocol.answers.branches import BranchList

    here = project(target)
    release = here.config.release
    seen = branches(here.top, release.main)
    now = time.time()
    listed = tuple(_line(one, release.branches, now) for one in seen.branches)
    answer = BranchList(main=seen.main, known=seen.known, branches=listed)
    show(answer, as_json=as_json, text=lambda: _text(answer))
    return 0


def _line(one: Branch, forms: tuple[str, ...], now: float) -> BranchLine:
    from l9.checks.git.branch_invariants import lives_too_long, well_named
    from l9.protocol.answers.branches import BranchLine

    return BranchLine(
        name=one.name,
        where=one.where,
        commit=one.commit,
        at=one.at,
        began=one.began,
        ahead=one.ahead,
        behind=one.behind,
        merged=one.merged,
        well_named=well_named(one.name, forms),
        old=lives_too_long(one, now),
        days=round((now - one.began) / 86_400, 1),
    )


def _text(listed: BranchList) -> str:
    lines = [] if listed.known else [f"branch {listed.main} not found: nothing to compare with"]
    for one in listed.branches:
        away = "merged" if one.merged else f"{one.ahead} ahead, {one.behind} behind"
        if one.ahead is None:
            away = "not compared"
        notes = ["unconventional name"] * (not one.well_named) + ["older than a week"] * one.old
        icon = "⚠" if notes else "✔"
        suffix = f"; {', '.join(notes)}" if notes else ""
        lines.append(f"{icon} {one.name:<34} {one.where:<7} {one.days:>6.1f} days, {away}{suffix}")
    old = sum(one.old for one in listed.branches)
    lines.append(f"{len(listed.branches)} branches beside {listed.main}, {old} older than a week")
    return "\n".join(lines)
