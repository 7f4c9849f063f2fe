"""`l9 history`: list past runs, newest first; `--verify` checks the journal's hash chain."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from l9.cli.context import HELP, connected, json_option, remark, show, target_option

if TYPE_CHECKING:
    from l9.protocol.answers.runs import History, RunLine


@click.command("history", context_settings=HELP)
@target_option
@click.option(
    "-n", "most", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Number of runs."
)
@click.option("--verify", is_flag=True, help="Verify that no journal entry was modified.")
@json_option
def command(target: str | None, most: int, verify: bool, as_json: bool) -> int:
    """List past runs, newest first."""
    here, agent = connected(target)
    with agent:
        from l9.protocol import client, requests
        from l9.protocol.answers.runs import History, Verified
        from l9.protocol.caller import whoami

        asked = requests.History(most=most, verify=verify)
        if verify:
            verified = client.query(here.config, asked, Verified, whoami(), remark, agent)
            show(verified, as_json=as_json, text=lambda: f"journal verified: {verified.entries} entries")
            return 0
        found = client.query(here.config, asked, History, whoami(), remark, agent)
    show(found, as_json=as_json, text=lambda: history_text(found))
    return 0


def history_text(found: History) -> str:
    """Return the runs as text, one line each."""
    return "\n".join(map(_line, found.runs)) or "no runs yet: l9 deploy TAG"


def _line(run: RunLine) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started_at))
    took = f"{run.seconds:.1f} s" if run.seconds is not None else "-"
    why = f"  {run.closed_by}: {run.reason}" if run.closed_by else ""
    return f"{at}  {run.kind:<8} {run.tag:<14} {run.outcome:<12} {took:>8}  {run.who}  {run.run}{why}"
