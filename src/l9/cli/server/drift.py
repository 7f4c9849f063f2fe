"""`l9 drift`: report differences between the host and its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from l9.cli.context import HELP, connected, json_option, remark, show, target_option

if TYPE_CHECKING:
    from l9.protocol.answers.status import DriftReport

DRIFTED = 7


@click.command("drift", context_settings=HELP)
@target_option
@json_option
def command(target: str | None, as_json: bool) -> int:
    """Compare the host's state with its record; exit code 7 if they differ."""
    here, agent = connected(target)
    with agent:
        from l9.protocol import client, requests
        from l9.protocol.answers.status import DriftReport
        from l9.protocol.caller import whoami

        found = client.query(here.config, requests.Drift(), DriftReport, whoami(), remark, agent)
    show(found, as_json=as_json, text=lambda: drift_text(found))
    return DRIFTED if found.drift else 0


def drift_text(found: DriftReport) -> str:
    """Return the differences as text."""
    if not found.drift:
        return f"no drift: {found.live or 'nothing'} is live, as recorded"
    lines = []
    for drift in found.drift:
        lines += [
            f"✘ {drift.what}",
            f"  expected  {drift.expected}",
            f"  found     {drift.found}",
            f"  next      {drift.remedy}",
        ]
    return "\n".join(lines)
