"""`l9 deploy TAG`: the operator's rows here, then the host's rows there."""

from __future__ import annotations

import sys

import click
from msgspec.structs import replace

from l9.cli.command_line import for_target
from l9.cli.context import HELP, Project, json_option, progress_option, project, target_option, wait_option
from l9.cli.render import JsonView, View, feed, view
from l9.core import events as ev
from l9.core.run import Run
from l9.core.states import State, Substrate
from l9.errors import AgentMismatch, NoAnswer
from l9.graph import GRAPH
from l9.operator.deploy import run_operator_gates, to_host
from l9.operator.identity import whoami
from l9.operator.secrets import resolve
from l9.protocol import client
from l9.protocol.answers.run_lines import EntryLine
from l9.protocol.answers.runs import LogsResult, PublicAnswer, RunResult
from l9.protocol.messages import AnyMessage


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
        return ended(screen, local_end(part.run))
    env = resolve(here.repo, here.top, here.config, tag)
    asked = to_host(here.repo, part, env, wait=wait, again=again, rebuild=rebuild)
    messages = client.converse(here.config, asked, whoami())
    found = run_result(feed((m for m in messages if not _local(m, part.run.id)), screen))
    if found.already_live:
        screen.note(
            f"{found.already_live} is live already in {found.slot}; nothing was done (--again deploys it again)",
            "open",
        )
        return ended(screen, found)
    return ended(screen, with_public_answer(here, screen, found))


def run_result(answer: RunResult | LogsResult) -> RunResult:
    """The end of a run. Raises AgentMismatch for another answer."""
    if isinstance(answer, RunResult):
        return answer
    raise AgentMismatch(
        "the agent sent another answer", expected="how the run ended", found="a log", remedy="l9 provision"
    )


def with_public_answer(here: Project, screen: View, found: RunResult) -> RunResult:
    """The end of a run that went well, with what the public URL answers from here."""
    if found.exit_code != 0 or not found.outcome:
        return found
    return replace(found, public=public_answer(here, screen))


def local_end(run: Run, until: State = State.CREATE_ANNOTATED_TAG) -> RunResult:
    """How a run ended that never came to the host, or that stopped behind the gate `until`."""
    return RunResult(
        outcome=run.outcome or until,
        exit_code=run.finished.exit_code if run.finished else 0,
        tag=run.tag,
        closed=run.closed,
    )


def _local(message: AnyMessage, run: str) -> bool:
    """True for a message that repeats what this side has shown already."""
    if not isinstance(message, EntryLine) or message.entry.run != run:
        return False
    gate = getattr(message.entry.body, "gate", None)
    return gate in _LOCAL_STATES


_LOCAL_STATES = {row.opens for row in GRAPH.rows if row.where is not Substrate.HOST}


def public_answer(here: Project, screen: View) -> PublicAnswer | None:
    """The public URL's answer from here (spec 6.1 phase 4): a warning, never a failure."""
    base = here.config.target.public_url
    if not base:
        return None
    from l9.drivers.http.client import HttpClient

    url = base.rstrip("/") + here.config.health.path
    try:
        reply = HttpClient().request("GET", url, headers={"X-L9-Probe": "1"}, timeout=5)
    except NoAnswer as error:
        screen.note(f"{url} does not answer from here: {error.found}; the host's own proof stands", "warn")
        return PublicAnswer(url=url, error=error.found)
    good = reply.status in here.config.health.status
    slot = reply.headers.get("x-l9-slot")
    screen.note(
        f"{url} answers {reply.status} from here, slot {slot or 'unnamed'}", "open" if good else "warn"
    )
    return PublicAnswer(url=url, status=reply.status, slot=slot, release=reply.headers.get("x-l9-release"))


def ended(screen: View, found: RunResult) -> int:
    """Show the end of any run; the exit code."""
    if isinstance(screen, JsonView):
        screen.result(replace(found, closed=_for_target(found.closed) if found.closed else None))
    return found.exit_code


def _for_target(closed: ev.GateClosed) -> ev.GateClosed:
    """The same, its remedies for the target that the command was for."""
    findings = (replace(one, remedy=for_target(one.remedy, sys.argv[1:])) for one in closed.findings)
    return replace(closed, findings=tuple(findings))
