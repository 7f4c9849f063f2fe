"""`l9 ready [TAG]`: the spec's eight criteria for production (part 9), each judged now, with its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from l9.cli.context import HELP, json_option, project, show, target_option

if TYPE_CHECKING:
    from l9.criteria import Criterion
    from l9.protocol.answers.check import Criteria


@click.command("ready", context_settings=HELP)
@click.argument("tag", required=False)
@target_option
@json_option
def command(tag: str | None, target: str | None, as_json: bool) -> int:
    """Judge whether TAG (what HEAD would release when none is named) is ready for production; change nothing."""
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
    """Judge all invariants of all substrates, print the list; 0, or 3 when a line does not hold."""
    from l9.cli.repository.check import good, judge_all
    from l9.core.states import Substrate
    from l9.criteria import assess

    tag, commit, judged, record = judge_all(project(target), tag, tuple(Substrate))
    lines = assess(criteria, tuple(judged), record.evidence, record.release)
    ready = all(good(one) for line in lines for one in line.evidence)
    answer = kind(tag=tag, commit=commit, ready=ready, lines=lines)
    show(answer, as_json=as_json, text=lambda: _text(answer))
    return 0 if ready else 3


def _text(answer: Criteria) -> str:
    from l9.cli.repository.check import ICONS, told

    lines = answer.lines
    out = [f"{answer.tag or 'HEAD'} is {answer.commit[:12] or 'no commit yet'}"]
    group = ""
    for line in lines:
        if line.group != group:
            group = line.group
            out += ["", group]
        out.append(f"{ICONS[line.verdict]} {line.title}")
        out += [f"    {text}" for one in line.evidence for text in told(one)]
    held = sum(line.verdict in ("holds", "advice") for line in lines)
    later = sum(line.verdict == "later" for line in lines)
    summary = f"{held} of {len(lines)} hold" + (f", {later} are judged by the deploy itself" if later else "")
    return "\n".join([*out, "", summary if answer.ready else f"{summary}: not ready"])
