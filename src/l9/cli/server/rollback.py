"""`l9 rollback [TAG]`: roll back to the previous good release, or to a retained one."""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING

import click

from l9.cli.context import (
    HELP,
    Project,
    connected,
    json_option,
    progress_option,
    target_option,
    verbose_option,
    wait_option,
)

if TYPE_CHECKING:
    from l9.cli.render.view import View
    from l9.protocol.connection import Connection


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
    here, agent = connected(target)
    with agent:
        from l9.cli.render.view import view

        screen = view(progress, as_json=as_json, verbose=verbose)
        try:
            return rollback(here, tag, screen, wait=wait, reason=reason, rebuild=rebuild, agent=agent)
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
    agent: Connection | None = None,
) -> int:
    """Roll back, showing progress on `screen`, over `agent` if it is given. Returns the exit code."""
    # Imported here, and all of it before the request: while the agent starts, it takes no time.
    from l9.cli.render.view import feed
    from l9.cli.server.outcome import ended, run_result, with_public_answer
    from l9.protocol import client, requests
    from l9.protocol.caller import check_name, new_run_id, whoami

    if here.config.target.public_url:
        import_module("l9.drivers.http.client")  # for the public answer at the end
    if tag is not None:
        check_name(tag, here.config)
    asked = requests.Rollback(run=new_run_id(time.time()), tag=tag, reason=reason, wait=wait, rebuild=rebuild)
    found = run_result(feed(client.converse(here.config, asked, whoami(), agent), screen))
    return ended(screen, with_public_answer(here, screen, found))
