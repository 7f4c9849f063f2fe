"""`l9 history`: the runs on record, newest first; `--verify` checks the chain."""

from __future__ import annotations

import time
from typing import Any

import click

from l9.cli.context import HELP, json_option, project, show, target_option
from l9.operator.identity import whoami
from l9.protocol import client


@click.command("history", context_settings=HELP)
@target_option
@click.option(
    "-n", "most", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many runs."
)
@click.option("--verify", is_flag=True, help="Check that no entry of the journal was changed.")
@json_option
def command(target: str | None, most: int, verify: bool, as_json: bool) -> int:
    """List the runs on record, newest first."""
    here = project(target)
    data = client.result(here.config, "history", whoami(), most=most, verify=verify)
    show(
        data, "l9.verified/1" if verify else "l9.history/1", as_json=as_json, text=lambda: history_text(data)
    )
    return 0


def history_text(data: dict[str, Any]) -> str:
    """The runs for people, a line each."""
    if data.get("verified"):
        return f"the chain holds: {data['entries']} entries"
    if not data["runs"]:
        return "no runs yet: l9 deploy TAG"
    return "\n".join(_line(run) for run in data["runs"])


def _line(run: dict[str, Any]) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run["started_at"]))
    took = f"{run['seconds']:.1f} s" if run["seconds"] is not None else "-"
    why = f"  {run['closed_by']}: {run['reason']}" if run["closed_by"] else ""
    return f"{at}  {run['kind']:<8} {run['tag']:<14} {run['outcome']:<12} {took:>8}  {run['who']}  {run['run']}{why}"
