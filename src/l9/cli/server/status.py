"""`l9 status`: what is live, what stands by, what runs."""

from __future__ import annotations

import time
from typing import Any

import click

from l9.cli.context import HELP, json_option, project, show, target_option
from l9.operator.identity import whoami
from l9.protocol import client


@click.command("status", context_settings=HELP)
@target_option
@json_option
def command(target: str | None, as_json: bool) -> int:
    """Show what is live, what stands by, and what runs."""
    here = project(target)
    data = client.result(here.config, "status", whoami())
    show(data, "l9.status/1", as_json=as_json, text=lambda: status_text(data, time.time()))
    return 0


def status_text(data: dict[str, Any], now: float) -> str:
    """The status for people; `now` is seconds since the epoch."""
    live, standby, run = data["live"], data["standby"], data["run"]
    lines = [f"{data['app']} on {data['target']} ({data['path']})"]
    if live["release"]:
        lines.append(f"  live     {live['release']} in {live['slot']}, up {ago(now - live['since'])}")
    else:
        lines.append(f"  live     nothing ({live['slot']} {live['status']})")
    if standby["release"]:
        until = f", stopped in {ago(standby['until'] - now)}" if standby["until"] else ""
        lines.append(f"  standby  {standby['release']} {standby['status']} in {standby['slot']}{until}")
    if data["recorded"] != live["release"]:
        lines.append(f"  record   says {data['recorded'] or 'nothing'}: see l9 drift")
    if run is None:
        lines.append("  run      none yet: l9 deploy TAG")
    else:
        lines.append(
            f"  run      {run['kind']} {run['tag']} {run['state']}"
            + (f" at {run['gate']}" if run["state"] in ("running", "interrupted") else "")
            + f", begun {ago(now - run['started_at'])} ago by {run['who']}"
        )
        if run["state"] == "interrupted":
            lines.append("  next     l9 resume")
    if data["retained"]:
        lines.append(f"  retained {', '.join(data['retained'])}")
    return "\n".join(lines)


def ago(seconds: float) -> str:
    """A duration as people say it."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
