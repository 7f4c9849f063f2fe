"""`l9 status`: show the live release, the standby and the current run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from l9.cli.context import HELP, connected, json_option, remark, show, target_option

if TYPE_CHECKING:
    from l9.protocol.answers.status import Status


@click.command("status", context_settings=HELP)
@target_option
@json_option
def command(target: str | None, as_json: bool) -> int:
    """Show the live release, the standby and the current run."""
    here, agent = connected(target)
    with agent:
        from l9.protocol import client, requests
        from l9.protocol.answers.status import Status
        from l9.protocol.caller import whoami

        found = client.query(here.config, requests.Status(), Status, whoami(), remark, agent)
    show(found, as_json=as_json, text=lambda: status_text(found, time.time()))
    return 0


def status_text(found: Status, now: float) -> str:
    """Return the status as text; `now` is in seconds since the epoch."""
    live, standby, run = found.live, found.standby, found.run
    lines = [f"{found.app} on {found.target} ({found.path})"]
    if live.release:
        up = f", up {ago(now - live.since)}" if live.since else ""
        lines.append(f"  live     {live.release} in {live.slot}{up}")
    else:
        lines.append(f"  live     nothing ({live.slot} {live.status})")
    if standby.release:
        until = f", stopped in {ago(standby.until - now)}" if standby.until else ""
        lines.append(f"  standby  {standby.release} {standby.status} in {standby.slot}{until}")
    if found.public is not None:
        lines.append(f"  public   {found.public.found}; expected {found.public.expected}")
        lines.append(f"  next     {found.public.remedy}")
    if found.watched is not None and found.watched.verdict != "pass":
        lines.append(f"  watched  not healthy after the rollback: {found.watched.found}")
        lines.append("  next     l9 resume")
    if found.recorded != live.release:
        lines.append(f"  record   says {found.recorded or 'nothing'}: see l9 drift")
    if run is None:
        lines.append("  run      none yet: l9 deploy TAG")
    else:
        at = f" at {run.gate}" if run.state in ("running", "interrupted") else ""
        started = f", started {ago(now - run.started_at)} ago by {run.who}"
        lines.append(f"  run      {run.kind} {run.tag} {run.state}{at}{started}")
        if run.state == "interrupted":
            lines.append("  next     l9 resume")
    if found.retained:
        lines.append(f"  retained {', '.join(found.retained)}")
    return "\n".join(lines)


def ago(seconds: float) -> str:
    """Return a duration in its largest unit, such as "3 h"."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
