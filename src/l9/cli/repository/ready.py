"""`l9 ready [TAG]`: evaluate the spec's eight criteria for production (part 9), with their evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from l9.cli.context import HELP, json_option, project, show, target_option
from l9.core.verdict import VerdictKind

if TYPE_CHECKING:
    from l9.criteria import Criterion
    from l9.protocol.answers.check import Criteria


@click.command("ready", context_settings=HELP)
@click.argument("tag", required=False)
@target_option
@json_option
def command(tag: str | None, target: str | None, as_json: bool) -> int:
    """Check that TAG, or HEAD, is ready for production, without changing anything."""
    from l9.criteria import READINESS
    from l9.protocol.answers.check import Ready

    return judge_list(Ready, READINESS, tag, target, as_json=as_json)


def judge_list(
    kind: type[Criteria],
    criteria: tuple[Criterion, ...],
    tag: str | None,
    target: str | None,
    *,
    as_json: bool,
) -> int:
    """Evaluate all invariants and print the list. Returns 0, or 3 if a line does not hold."""
    from l9.cli.repository.check import judge_all
    from l9.core.states import Substrate
    from l9.criteria import assess

    tag, commit, judged, record = judge_all(project(target), tag, tuple(Substrate))
    lines = assess(criteria, tuple(judged), record.evidence, record.release)
    ready = not any(line.closes for line in lines)
    answer = kind(tag=tag, commit=commit, ready=ready, lines=lines)
    show(answer, as_json=as_json, text=lambda: _text(answer))
    return 0 if ready else 3


def _text(answer: Criteria) -> str:
    from l9.cli.repository.check import counted, format_verdict, icon

    lines = answer.lines
    out = [f"{answer.tag or 'HEAD'} is {answer.commit[:12] or 'no commit yet'}"]
    group = ""
    for line in lines:
        if line.group != group:
            group = line.group
            out += ["", group]
        out.append(f"{icon(line)} {line.verdict:<8} {line.title}")
        out += [f"    {text}" for one in line.evidence for text in format_verdict(one)]
    pending = any(line.verdict is VerdictKind.PENDING for line in lines)
    summary = f"of {len(lines)}: {counted(lines)}" + (
        "; pending lines are checked during the deploy" if pending else ""
    )
    return "\n".join([*out, "", summary if answer.ready else f"{summary}: not ready"])
