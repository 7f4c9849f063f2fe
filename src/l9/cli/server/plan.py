"""`l9 plan TAG`: show what a deploy would do, evaluating every gate that can be, without changes."""

from __future__ import annotations

import click

from l9.cli.context import HELP, Project, json_option, project, remark, show, target_option
from l9.core.verdict import VerdictKind
from l9.operator.deploy import claim_of, plan_operator_gates, preview_of
from l9.protocol import client, requests
from l9.protocol.answers.plan import HostPlan, Plan
from l9.protocol.caller import whoami

CLOSED = 3


@click.command("plan", context_settings=HELP)
@click.argument("tag")
@target_option
@json_option
def command(tag: str, target: str | None, as_json: bool) -> int:
    """Show what a deploy of TAG would do, gate by gate, without changing anything."""
    found = plan(project(target), tag)
    show(found, as_json=as_json, text=lambda: plan_text(found))
    return CLOSED if any(gate.verdict.closes for gate in found.gates) else 0


def plan(here: Project, tag: str) -> Plan:
    """Evaluate the operator's gates here and the host's gates there."""
    run, judged = plan_operator_gates(here.repo, here.config, tag)
    asked = requests.Plan(
        release=claim_of(here.repo, run) if run.commit else None,
        preview=preview_of(here.repo, here.config, tag if run.commit else ""),
        compose_files=here.repo.compose_files(tag),
    )
    host = client.query(here.config, asked, HostPlan, whoami(), remark)
    return Plan(
        tag=tag,
        commit=run.commit,
        new=host.new,
        old=host.old,
        previous=host.previous,
        changed_services=host.changed_services,
        changed_services_unseen=host.changed_services_unseen,
        gates=(*judged, *host.gates),
    )


def plan_text(found: Plan) -> str:
    """Return the plan as text."""
    live = (
        f"{found.previous} is live in {found.old}" if found.previous else "nothing is live: the first deploy"
    )
    lines = [f"deploy {found.tag} ({found.commit[:12]}) to {found.new}; {live}"]
    icons = {VerdictKind.PASS: "✔", VerdictKind.FAIL: "✘", VerdictKind.UNKNOWN: "✘", VerdictKind.PENDING: "·"}
    for gate in found.gates:
        lines.append(f"{icons[gate.verdict]} {gate.verdict:<8} {gate.gate:<20} {gate.summary}")
        lines += [f"    does  {action}" for action in gate.actions]
        for finding in gate.findings:
            lines.append(f"    {finding.invariant}: expected {finding.expected}; found {finding.found}")
            if finding.remedy:
                lines.append(f"    next: {finding.remedy}")
    for service in found.changed_services or ():
        lines.append(f"▲ the definition of service {service} has changed; a deploy does not restart it")
    if found.changed_services_unseen:
        lines.append(f"▲ the other services could not be compared: {found.changed_services_unseen}")
    return "\n".join(lines)
