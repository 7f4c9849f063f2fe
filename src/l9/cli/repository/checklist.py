"""`l9 checklist [TAG]`: the spec's lists of part 8, each line judged now, with its evidence."""

from __future__ import annotations

import click

from l9.cli.context import HELP, json_option, target_option
from l9.cli.repository.ready import judge_list


@click.command("checklist", context_settings=HELP)
@click.argument("tag", required=False)
@target_option
@json_option
def command(tag: str | None, target: str | None, as_json: bool) -> int:
    """Judge the spec's checklist for TAG (what HEAD would release when none is named); change nothing."""
    from l9.criteria import CHECKLIST
    from l9.protocol.answers.check import Checklist

    return judge_list(Checklist, CHECKLIST, tag, target, as_json=as_json)
