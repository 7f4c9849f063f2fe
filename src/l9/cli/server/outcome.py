"""The end of a run: the last lines on the screen, and the exit code."""

from __future__ import annotations

import sys

from msgspec.structs import replace

from l9.cli.command_line import for_target
from l9.cli.context import Project
from l9.cli.render.json_lines import JsonView
from l9.cli.render.view import View
from l9.core import events as ev
from l9.core.run import Run
from l9.core.states import State
from l9.errors import AgentMismatch, NoAnswer
from l9.protocol.answers.runs import LogsResult, PublicAnswer, RunResult


def run_result(answer: RunResult | LogsResult) -> RunResult:
    """Return the answer as the result of a run. Raises AgentMismatch for any other."""
    if isinstance(answer, RunResult):
        return answer
    raise AgentMismatch(
        "the agent sent an unexpected answer",
        expected="the result of a run",
        found="a log",
        remedy="l9 provision",
    )


def with_public_answer(here: Project, screen: View, found: RunResult) -> RunResult:
    """Add the public URL's answer, as seen from here, to the result of a successful run."""
    if found.exit_code != 0 or not found.outcome:
        return found
    return replace(found, public=public_answer(here, screen))


def local_end(run: Run, until: State = State.CREATE_ANNOTATED_TAG) -> RunResult:
    """Return the result of a run that did not reach the host, or stopped after the gate `until`."""
    return RunResult(
        outcome=run.outcome or until,
        exit_code=run.finished.exit_code if run.finished else 0,
        tag=run.tag,
        closed=run.closed,
    )


def public_answer(here: Project, screen: View) -> PublicAnswer | None:
    """Request the public URL from here (spec 6.1 phase 4). A failure is a warning only."""
    base = here.config.target.public_url
    if not base:
        return None
    from l9.drivers.http.client import HttpClient

    url = base.rstrip("/") + here.config.health.path
    try:
        reply = HttpClient().request("GET", url, headers={"X-L9-Probe": "1"}, timeout=5)
    except NoAnswer as error:
        screen.note(
            f"no answer from {url} as seen from here: {error.found}; the host's own check passed", "warn"
        )
        return PublicAnswer(url=url, error=error.found)
    good = reply.status in here.config.health.status
    slot = reply.headers.get("x-l9-slot")
    screen.note(
        f"{url} answers {reply.status} from here, slot {slot or 'unnamed'}", "open" if good else "warn"
    )
    return PublicAnswer(url=url, status=reply.status, slot=slot, release=reply.headers.get("x-l9-release"))


def ended(screen: View, found: RunResult) -> int:
    """Show the end of any run. Returns the exit code."""
    if isinstance(screen, JsonView):
        screen.result(replace(found, closed=_for_target(found.closed) if found.closed else None))
    return found.exit_code


def _for_target(closed: ev.GateClosed) -> ev.GateClosed:
    """Return the closed gate with the command's --target added to its remedies."""
    findings = (replace(one, remedy=for_target(one.remedy, sys.argv[1:])) for one in closed.findings)
    return replace(closed, findings=tuple(findings))
