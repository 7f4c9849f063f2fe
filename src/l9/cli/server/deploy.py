"""`l9 deploy TAG`: the operator's rows here, then the host's rows there."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from l9.cli.command_line import for_target
from l9.cli.context import HELP, Project, json_option, progress_option, project, target_option, wait_option
from l9.cli.render import JsonView, View, feed, view
from l9.core import events as ev
from l9.core.run import Run
from l9.core.states import State, Substrate
from l9.errors import NoAnswer
from l9.graph import GRAPH
from l9.operator.deploy import run_operator_gates, to_host
from l9.operator.identity import whoami
from l9.operator.secrets import resolve
from l9.protocol import client


@click.command("deploy", context_settings=HELP)
@click.argument("tag")
@target_option
@wait_option
@click.option("--again", is_flag=True, help="Deploy even if this release is live already.")
@click.option("--rebuild", is_flag=True, help="Build the image from nothing, with no cache.")
@json_option
@progress_option
def command(
    tag: str, target: str | None, wait: float, again: bool, rebuild: bool, as_json: bool, progress: str
) -> int:
    """Take TAG live through the graph of gates, and go back by itself when one closes."""
    here = project(target)
    screen = view(progress, as_json=as_json)
    try:
        return deploy(here, tag, screen, wait=wait, again=again, rebuild=rebuild)
    finally:
        screen.close()


def deploy(
    here: Project, tag: str, screen: View, *, wait: float = 0.0, again: bool = False, rebuild: bool = False
) -> int:
    """Deploy and show it on `screen`; the exit code."""
    part = run_operator_gates(
        here.repo,
        here.config,
        tag,
        seen=lambda entry: None if isinstance(entry.body, ev.RunStarted) else screen.entry(entry),
        watch=lambda gate, p: screen.progress(gate, p.found, p.done, p.total),
        say=screen.line,
        tell=screen.note,
        wait=wait,
    )
    if part.run.finished is not None:
        return _end(screen, local_end(part.run))
    options = {"wait": wait, "again": again, "rebuild": rebuild}
    env = resolve(here.repo, here.top, here.config, tag)
    messages = client.ask(here.config, "deploy", whoami(), **options, **to_host(part, env))
    data = feed((m for m in messages if not _local(m, part.run.id)), screen)
    if release := data.get("already_live"):
        screen.note(
            f"{release} is live already in {data['slot']}; nothing was done (--again deploys it again)",
            "open",
        )
        return _end(screen, {**data, "exit_code": 0, "outcome": str(State.SUCCESS), "tag": tag})
    if data.get("exit_code") == 0:
        data["public"] = public_answer(here, screen)
    return _end(screen, data)


def local_end(run: Run, until: State = State.CREATE_ANNOTATED_TAG) -> dict[str, Any]:
    """How a run ended that never came to the host, or that stopped behind the gate `until`, for machines."""
    return {
        "outcome": str(run.outcome or until),
        "exit_code": run.finished.exit_code if run.finished else 0,
        "tag": run.tag,
        "closed": msgspec.to_builtins(run.closed) if run.closed else None,
    }


def _local(message: Any, run: str) -> bool:
    """Whether a message repeats what this side has shown already."""
    entry = getattr(message, "entry", None)
    if entry is None or entry.run != run:
        return False
    gate = getattr(entry.body, "gate", None)
    return gate in _LOCAL_STATES


_LOCAL_STATES = {row.opens for row in GRAPH.rows if row.where is not Substrate.HOST}


def public_answer(here: Project, screen: View) -> dict[str, Any] | None:
    """What the public URL answers from here (spec 6.1 phase 4): a warning, never a failure."""
    base = here.config.target.public_url
    if not base:
        return None
    from l9.drivers.http.client import HttpClient

    url = base.rstrip("/") + here.config.health.path
    try:
        reply = HttpClient().request("GET", url, headers={"X-L9-Probe": "1"}, timeout=5)
    except NoAnswer as error:
        screen.note(f"{url} does not answer from here: {error.found}; the host's own proof stands", "warn")
        return {"url": url, "status": None, "error": error.found}
    good = reply.status in here.config.health.status
    slot = reply.headers.get("x-l9-slot")
    screen.note(
        f"{url} answers {reply.status} from here, slot {slot or 'unnamed'}", "open" if good else "warn"
    )
    return {"url": url, "status": reply.status, "slot": slot, "release": reply.headers.get("x-l9-release")}


def _end(screen: View, data: dict[str, Any]) -> int:
    for finding in (data.get("closed") or {}).get("findings", ()):
        finding["remedy"] = for_target(finding.get("remedy", ""), sys.argv[1:])
    if isinstance(screen, JsonView):
        screen.result(data)
    return int(data.get("exit_code", 1))


def ended(screen: View, data: dict[str, Any]) -> int:
    """Show the end of any run; the exit code."""
    return _end(screen, data)
