"""`l9 logs`: show the log of a slot."""

from __future__ import annotations

import sys

import click

from l9.cli.context import HELP, json_option, project, remark, target_option
from l9.cli.plain_text import printable
from l9.cli.render.json_lines import JsonView
from l9.cli.render.view import feed
from l9.core.states import Slot
from l9.protocol import client, requests
from l9.protocol.answers.run_lines import NoteLine, TextLine
from l9.protocol.caller import whoami


@click.command("logs", context_settings=HELP)
@target_option
@click.option("--slot", type=click.Choice(["blue", "green"]), help="The slot; by default the live one.")
@click.option(
    "-n", "most", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Number of lines."
)
@json_option
def command(target: str | None, slot: str | None, most: int, as_json: bool) -> int:
    """Show the last log lines of a slot."""
    here = project(target)
    asked = requests.Logs(slot=Slot(slot) if slot else None, most=most)
    messages = client.converse(here.config, asked, whoami())
    if as_json:
        out = JsonView(sys.stdout)
        out.result(feed(messages, out))
        return 0
    for message in messages:
        if isinstance(message, TextLine):
            sys.stdout.write(printable(message.text) + "\n")
        elif isinstance(message, NoteLine):
            remark(message.text)
    return 0
