"""`l9 checklist [TAG]`: evaluate each line of the spec's checklist (part 8), with its evidence."""

from __future__ import annotations

import click

from l9.cli.context import HELP, json_option, target_option
from l9.cli.repository.ready import judge_list


@click.command("checklist", context_settings=HELP)
@click.argument("tag", required=False)
@target_option
@json_option
def command(tag: str | None, target: str | None, as_json: bool) -> int:
    """Check the spec's checklist for TAG, or for HEAD, without changing anything."""
    from l9.criteria import CHECKLIST
    from l9.protocol.answers.check import Checklist

    return judge_list(Checklist, CHECKLIST, tag, target, as_json=as_json)
