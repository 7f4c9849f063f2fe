"""`l9 drift`: where the host is not what the record says."""

from __future__ import annotations

from typing import Any

import click

from l9.cli.context import HELP, json_option, project, show, target_option
from l9.operator.identity import whoami
from l9.protocol import client

DRIFTED = 7


@click.command("drift", context_settings=HELP)
@target_option
@json_option
def command(target: str | None, as_json: bool) -> int:
    """Compare the host with its record; exit code 7 when they differ."""
    here = project(target)
    data = client.result(here.config, "drift", whoami())
    show(data, "l9.drift/1", as_json=as_json, text=lambda: drift_text(data))
    return DRIFTED if data["drift"] else 0


def drift_text(data: dict[str, Any]) -> str:
    """The differences for people."""
    if not data["drift"]:
        return f"no drift: {data['live'] or 'nothing'} is live, as recorded"
    lines = []
    for drift in data["drift"]:
        lines += [
            f"✘ {drift['what']}",
            f"  expected  {drift['expected']}",
            f"  found     {drift['found']}",
            f"  next      {drift['remedy']}",
        ]
    return "\n".join(lines)
