"""`l9 deploy TAG`: run the operator's gates here, then the host's gates there."""

from __future__ import annotations

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
from l9.cli.server.outcome import ended, local_end, run_result, with_public_answer
from l9.core import events as ev
from l9.core.states import Substrate
from l9.graph import GRAPH
from l9.operator.deploy import run_operator_gates, to_host
from l9.operator.secrets import resolve
from l9.protocol import client
from l9.protocol.answers.run_lines import EntryLine, progress_of
from l9.protocol.caller import whoami
from l9.protocol.messages import AnyMessage


@click.command("deploy", context_settings=HELP)
@click.argument("tag")
@target_option
@wait_option
@click.option("--again", is_flag=True, help="Deploy even if this release is already live.")
@click.option("--rebuild", is_flag=True, help="Build the image without cache.")
@json_option
@progress_option
@verbose_option
def command(
    tag: str,
    target: str | None,
    wait: float,
    again: bool,
    rebuild: bool,
    as_json: bool,
    progress: str,
    verbose: bool,
) -> int:
    """Deploy TAG through the gates, and roll back automatically if one closes."""
    here = project(target)
    screen = view(progress, as_json=as_json, verbose=verbose)
    try:
        return deploy(here, tag, screen, wait=wait, again=again, rebuild=rebuild)
    finally:
        screen.close()


def deploy(
    here: Project, tag: str, screen: View, *, wait: float = 0.0, again: bool = False, rebuild: bool = False
) -> int:
    """Deploy, showing progress on `screen`. Returns the exit code."""
    part = run_operator_gates(
        here.repo,
        here.config,
        tag,
        on_entry=lambda entry: None if isinstance(entry.body, ev.RunStarted) else screen.entry(entry),
        watch=lambda gate, p: screen.progress(progress_of(gate, p)),
        say=screen.line,
        tell=screen.note,
        wait=wait,
    )
    if part.run.finished is not None:
        return ended(screen, local_end(part.run))
    env = resolve(here.repo, here.top, here.config, tag)
    asked = to_host(here.repo, part, env, wait=wait, again=again, rebuild=rebuild)
    messages = client.converse(here.config, asked, whoami())
    found = run_result(feed((m for m in messages if not _local(m, part.run.id)), screen))
    if found.already_live:
        screen.note(
            f"{found.already_live} is already live in {found.slot}; nothing was done (use --again to redeploy)",
            "open",
        )
        return ended(screen, found)
    return ended(screen, with_public_answer(here, screen, found))


def _local(message: AnyMessage, run: str) -> bool:
    """True for a message about a gate of this side, which is already on the screen."""
    if not isinstance(message, EntryLine) or message.entry.run != run:
        return False
    gate = getattr(message.entry.body, "gate", None)
    return gate in _LOCAL_STATES


_LOCAL_STATES = {row.opens for row in GRAPH.rows if row.where is not Substrate.HOST}
