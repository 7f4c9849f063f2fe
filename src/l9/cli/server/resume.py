"""`l9 resume`: take up an interrupted run, or watch the one that is on."""

from __future__ import annotations

import click

from l9.cli.context import HELP, json_option, progress_option, project, target_option
from l9.cli.render import feed, view
from l9.cli.server.deploy import ended
from l9.operator.identity import whoami
from l9.protocol import client


@click.command("resume", context_settings=HELP)
@target_option
@json_option
@progress_option
def command(target: str | None, as_json: bool, progress: str) -> int:
    """Take up an interrupted run where it stopped, or attach to the one that is on."""
    here = project(target)
    screen = view(progress, as_json=as_json)
    try:
        data = feed(client.ask(here.config, "resume", whoami()), screen)
        if data.get("resumed") is False:
            screen.note("nothing to resume: no run is on and none was interrupted", "open")
            data["exit_code"] = 0
        return ended(screen, data)
    finally:
        screen.close()
