"""`l9 branches`: what is not on main yet, how old it is, and whether it is named as it should be."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from l9.cli.context import HELP, json_option, project, show, target_option

if TYPE_CHECKING:
    from l9.checks.git.facts import Branch, Branches


@click.command("branches", context_settings=HELP)
@target_option
@json_option
def command(target: str | None, as_json: bool) -> int:
    """List branches here and on origin: age, distance from main, name; old ones are told."""
    from l9.drivers.git.branches import branches

    here = project(target)
    release = here.config.release
    seen = branches(here.top, release.main)
    now = time.time()
    listed = [_told(one, release.branches, now) for one in seen.branches]
    document = {"main": seen.main, "known": seen.known, "branches": listed}
    show(document, "l9.branches/1", as_json=as_json, text=lambda: _text(seen, listed))
    return 0


def _told(one: Branch, forms: tuple[str, ...], now: float) -> dict[str, Any]:
    from l9.checks.git.branch_invariants import lives_too_long, well_named

    return {
        "name": one.name,
        "where": one.where,
        "commit": one.commit,
        "at": one.at,
        "began": one.began,
        "ahead": one.ahead,
        "behind": one.behind,
        "merged": one.merged,
        "well_named": well_named(one.name, forms),
        "old": lives_too_long(one, now),
        "days": round((now - one.began) / 86_400, 1),
    }


def _text(seen: Branches, listed: list[dict[str, Any]]) -> str:
    lines = [] if seen.known else [f"there is no branch {seen.main} yet to compare with"]
    for one in listed:
        away = "merged" if one["merged"] else f"{one['ahead']} ahead, {one['behind']} behind"
        if one["ahead"] is None:
            away = "not compared"
        notes = ["not named as it should be"] * (not one["well_named"]) + ["older than a week"] * one["old"]
        icon = "⚠" if notes else "✔"
        told = f"; {', '.join(notes)}" if notes else ""
        lines.append(f"{icon} {one['name']:<34} {one['where']:<7} {one['days']:>6.1f} days, {away}{told}")
    old = sum(one["old"] for one in listed)
    lines.append(f"{len(listed)} branches beside {seen.main}, {old} older than a week")
    return "\n".join(lines)
