"""`l9 releases`: list the releases and where each is live, on standby or retained."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from l9.cli.context import HELP, json_option, project, project_top, show, target_option
from l9.configuration import load
from l9.configuration import targets as names_of
from l9.drivers.process.concurrency import run_concurrently
from l9.errors import L9Error
from l9.operator.releases import list_releases, placed
from l9.protocol import client, requests
from l9.protocol.answers.releases import ReleaseLine, Releases, TargetAsked
from l9.protocol.answers.status import Status
from l9.protocol.caller import whoami
from l9.protocol.client import AgentFailed


@click.command("releases", context_settings=HELP)
@click.option(
    "--most",
    type=click.IntRange(1, 1000),
    default=20,
    metavar="N",
    help="Number of releases, newest first (20).",
)
@click.option("--offline", is_flag=True, help="Do not query the targets.")
@target_option
@json_option
def command(most: int, offline: bool, target: str | None, as_json: bool) -> int:
    """List releases with date, author, commits, signature, attestation, and the targets they are on.

    Queries every target in l9.toml, or the one given by --target; reports those that do not answer.
    """
    known = (target,) if target else names_of(project_top())
    here = project(next(iter(known), None))
    asked: dict[str, TargetAsked] = {}
    places: dict[str, dict[str, str]] = {}
    lines: list[ReleaseLine] = []

    def ask(name: str) -> None:
        asked[name], places[name] = places_on(here.top, name)

    def judge() -> None:
        lines.extend(list_releases(here.repo, here.config, most))

    run_concurrently([judge, *(partial(ask, name) for name in (() if offline else known))])
    where = {name: places[name] for name in known if name in places}
    answer = Releases(
        releases=tuple(placed(line, where) for line in lines),
        targets=tuple(asked[name] for name in known if name in asked),
    )
    show(answer, as_json=as_json, text=lambda: _text(answer))
    return 0


def _text(answer: Releases) -> str:
    lines = [format_release(line) for line in answer.releases] or ["no releases yet: l9 release"]
    lines += [f"✘ {one.target} could not be queried: {one.problem}" for one in answer.targets if one.problem]
    return "\n".join(lines)


def places_on(top: Path, name: str) -> tuple[TargetAsked, dict[str, str]]:
    """Return the state of each release on a target, from its agent."""
    try:
        found = client.query(load(top, name), requests.Status(), Status, whoami())
    except L9Error as error:
        return TargetAsked(target=name, problem=error.summary, remedy=error.remedy), {}
    except AgentFailed as error:
        return TargetAsked(target=name, problem=str(error)), {}
    places = dict.fromkeys(found.retained, "retained")
    for state, release in (("standby", found.standby.release), ("live", found.live.release)):
        if release:
            places[release] = state
    return TargetAsked(target=name), places


def format_release(line: ReleaseLine) -> str:
    """Return one release as text."""
    day = datetime.fromtimestamp(line.at, UTC).strftime("%Y-%m-%d")
    many = f"{line.commits} commit{'' if line.commits == 1 else 's'}"
    marks = [
        many,
        {"none": "not signed", "good": f"signed by {line.signed_by}"}.get(line.signature, line.signature),
    ]
    marks.append(
        f"attested by {line.attested_by}" if line.attested_by else f"not attested ({line.attestation})"
    )
    where = "".join(f"  [{state} on {name}]" for name, state in line.where.items())
    return f"{line.tag:<14} {day}  {line.tagger}  {', '.join(filter(None, marks))}{where}"
