"""`l9 rollback [TAG]`: back to the previous good release, or to a retained one."""

from __future__ import annotations

import time

import click

from l9.agent import client
from l9.cli.context import HELP, Project, json_option, progress_option, project, target_option
from l9.cli.deploy import ended, public_answer
from l9.cli.render import View, feed, view
from l9.local.runs import check_name, new_run_id, whoami


@click.command("rollback", context_settings=HELP)
@click.argument("tag", required=False)
@target_option
@click.option("--wait", type=float, default=0.0, metavar="SECONDS", help="Wait for another run to end.")
@click.option("--reason", default="", help="Why, for the record.")
@json_option
@progress_option
def command(
    tag: str | None, target: str | None, wait: float, reason: str, as_json: bool, progress: str
) -> int:
    """Go back to the previous good release, or to TAG where it is retained."""
    here = project(target)
    screen = view(progress, as_json=as_json)
    try:
        return rollback(here, tag, screen, wait=wait, reason=reason)
    finally:
        screen.close()


def rollback(here: Project, tag: str | None, screen: View, *, wait: float = 0.0, reason: str = "") -> int:
    """Roll back and show it on `screen`; the exit code."""
    if tag is not None:
        check_name(tag, here.config)
    run = new_run_id(time.time())
    messages = client.ask(here.config, "rollback", whoami(), run=run, tag=tag, wait=wait, reason=reason)
    data = feed(messages, screen)
    if data.get("exit_code") == 0:
        data["public"] = public_answer(here, screen)
    return ended(screen, data)
