"""`l9 rollback [TAG]`: roll back to the previous good release, or to a retained one."""

from __future__ import annotations

import time

import click

from l9.cli.context import (
    HELP,
    Project,
    json_option,
    progress_option,
    project,
    target_option,
    verbose_option,
    wait_option,
)
from l9.cli.render.view import View, feed, view
from l9.cli.server.outcome import ended, run_result, with_public_answer
from l9.protocol import client, requests
from l9.protocol.caller import check_name, new_run_id, whoami


@click.command("rollback", context_settings=HELP)
@click.argument("tag", required=False)
@target_option
@wait_option
@click.option("--reason", default="", help="The reason, for the journal.")
@click.option(
    "--rebuild",
    is_flag=True,
    help="Build the release's image without cache instead of using the retained one.",
)
@json_option
@progress_option
@verbose_option
def command(
    tag: str | None,
    target: str | None,
    wait: float,
    reason: str,
    rebuild: bool,
    as_json: bool,
    progress: str,
    verbose: bool,
) -> int:
    """Roll back to the previous good release, or to TAG if it is retained.

    With --rebuild, TAG may be any release that was once live.
    """
    here = project(target)
    screen = view(progress, as_json=as_json, verbose=verbose)
    try:
        return rollback(here, tag, screen, wait=wait, reason=reason, rebuild=rebuild)
    finally:
        screen.close()


def rollback(
    here: Project,
    tag: str | None,
    screen: View,
    *,
    wait: float = 0.0,
    reason: str = "",
    rebuild: bool = False,
) -> int:
    """Roll back, showing progress on `screen`. Returns the exit code."""
    if tag is not None:
        check_name(tag, here.config)
    asked = requests.Rollback(run=new_run_id(time.time()), tag=tag, reason=reason, wait=wait, rebuild=rebuild)
    found = run_result(feed(client.converse(here.config, asked, whoami()), screen))
    return ended(screen, with_public_answer(here, screen, found))
