"""`l9 resume`: resume a run, watch the current one, or bring back the release on record."""

from __future__ import annotations

import click

from l9.cli.context import HELP, connected, json_option, progress_option, target_option, verbose_option


@click.command("resume", context_settings=HELP)
@target_option
@json_option
@progress_option
@verbose_option
def command(target: str | None, as_json: bool, progress: str, verbose: bool) -> int:
    """Resume an interrupted run or one that ended in FAIL-STATE, or attach to the current one.

    Where the site is down and the release on record is still in its slot, it is brought back.
    """
    here, agent = connected(target)
    with agent:
        from l9.cli.render.view import feed, view
        from l9.cli.server.outcome import ended, run_result
        from l9.protocol import client, requests
        from l9.protocol.caller import whoami

        screen = view(progress, as_json=as_json, verbose=verbose)
        try:
            messages = client.converse(here.config, requests.Resume(), whoami(), agent)
            found = run_result(feed(messages, screen))
            if not found.resumed:
                screen.note(
                    "nothing to resume: no run is interrupted, and the release on record is served", "open"
                )
            return ended(screen, found)
        finally:
            screen.close()
