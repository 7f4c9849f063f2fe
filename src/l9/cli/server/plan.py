"""`l9 plan TAG`: what a deploy would do, with every gate judged that can be, changing nothing."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from l9.cli.context import HELP, Project, json_option, project, show, target_option
from l9.operator.deploy import plan_operator_gates
from l9.operator.identity import whoami
from l9.protocol import client


@click.command("plan", context_settings=HELP)
@click.argument("tag")
@target_option
@json_option
def command(tag: str, target: str | None, as_json: bool) -> int:
    """Show what a deploy of TAG would do, gate by gate; nothing is changed anywhere."""
    data = plan(project(target), tag)
    show(data, "l9.plan/1", as_json=as_json, text=lambda: plan_text(data))
    return 3 if any(g["verdict"] == "closed" for g in data["gates"]) else 0


def plan(here: Project, tag: str) -> dict[str, Any]:
    """The plan as one document."""
    run, judged = plan_operator_gates(here.repo, here.config, tag)
    host = client.result(
        here.config,
        "plan",
        whoami(),
        tag=tag,
        commit=run.commit,
        tag_object=run.tag_object,
        settings=dict(run.settings),
        compose_files=here.repo.compose_files(tag),
    )
    return {
        "tag": tag,
        "commit": run.commit,
        **{k: v for k, v in host.items() if k != "gates"},
        "gates": [*msgspec.to_builtins(judged), *host["gates"]],
    }


def plan_text(data: dict[str, Any]) -> str:
    """The plan for people."""
    live = (
        f"{data['previous']} is live in {data['old']}"
        if data["previous"]
        else "nothing is live: the first deploy"
    )
    lines = [f"deploy {data['tag']} ({data['commit'][:12]}) to {data['new']}; {live}"]
    icons = {"open": "✔", "closed": "✘", "later": "·"}
    for gate in data["gates"]:
        lines.append(f"{icons[gate['verdict']]} {gate['gate']:<20} {gate['summary']}")
        lines += [f"    does  {action}" for action in gate.get("actions", ())]
        for finding in gate.get("findings", ()):
            lines.append(
                f"    {finding['invariant']}: expected {finding['expected']}; found {finding['found']}"
            )
            if finding["remedy"]:
                lines.append(f"    next: {finding['remedy']}")
    for service in data["changed_services"] or ():
        lines.append(
            f"▲ service {service} is defined differently in this release; a deploy does not restart it"
        )
    if data["changed_services_unseen"]:
        lines.append(f"▲ the other services cannot be compared: {data['changed_services_unseen']}")
    return "\n".join(lines)
