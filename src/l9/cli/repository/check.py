"""`l9 check [TAG]`: evaluate every invariant; nothing is run or changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from l9.cli.context import HELP, Project, json_option, project, refuse_unknown, remark, show, target_option
from l9.core.states import Substrate
from l9.core.verdict import VerdictKind

if TYPE_CHECKING:
    from l9.catalogue import Judged
    from l9.criteria import Line
    from l9.protocol.answers.check import Check, Fixed, Record

BEFORE_THE_HOST = (Substrate.WORKSPACE, Substrate.REPOSITORY)
ICONS = {
    VerdictKind.PASS: "✔", VerdictKind.FAIL: "✘", VerdictKind.UNKNOWN: "✘", VerdictKind.PENDING: "·",
}  # fmt: skip


@click.command("check", context_settings=HELP)
@click.argument("tag", required=False)
@click.option(
    "--substrate",
    type=click.Choice(list(map(str, Substrate))),
    help="Check only these invariants; host queries the target.",
)
@click.option(
    "--explain", metavar="ID", help="Explain an invariant: why it exists, its weight and its gates."
)
@click.option("--history", is_flag=True, help="Scan every commit for secrets, not only the newest.")
@click.option("--fix", is_flag=True, help="Fix what can be fixed automatically in the working tree first.")
@target_option
@json_option
def command(
    tag: str | None,
    substrate: str | None,
    explain: str | None,
    history: bool,
    fix: bool,
    target: str | None,
    as_json: bool,
) -> int:
    """Check every invariant for TAG, or for HEAD, without changing anything."""
    if explain is not None:
        return _explain(explain, as_json=as_json)
    here = project(target)
    fixed = _fix(here, tag) if fix else None
    return _check(here, tag, substrate, fixed, history=history, as_json=as_json)


def _fix(here: Project, tag: str | None) -> list[Fixed]:
    """Fix what can be fixed automatically for HEAD."""
    from l9.cli.repository.fixes import FIXES
    from l9.errors import UsageError

    if tag is not None:
        raise UsageError(
            "a tag cannot be fixed",
            expected="--fix without a tag: it changes files of the working tree",
            found=f"--fix {tag}",
            remedy="l9 check --fix",
        )
    _, commit, judged, _ = judge_all(here, None, (Substrate.WORKSPACE,))
    wanted = [one.id for one in judged if one.verdict is VerdictKind.FAIL and one.id in FIXES]
    return [fixed for name in wanted for fixed in FIXES[name](here)] if commit else []


def _check(
    here: Project,
    tag: str | None,
    substrate: str | None,
    fixed: list[Fixed] | None,
    *,
    history: bool,
    as_json: bool,
) -> int:
    from l9.protocol.answers.check import Check

    where = (Substrate(substrate),) if substrate else BEFORE_THE_HOST
    tag, commit, judged, _ = judge_all(here, tag, where, whole_history=history)
    answer = Check(
        tag=tag,
        commit=commit,
        ready=not any(one.closes for one in judged),
        invariants=tuple(judged),
        fixed=None if fixed is None else tuple(fixed),
    )
    show(answer, as_json=as_json, text=lambda: _text(answer, where))
    return 0 if answer.ready else 3


def _text(answer: Check, where: tuple[Substrate, ...]) -> str:
    lines = [f"✔ fixed: {one.did}" for one in answer.fixed or ()]
    if answer.fixed is not None:
        lines.append("fixes are not committed: git diff" if answer.fixed else "nothing to fix automatically")
    lines.append(f"{answer.tag or 'HEAD'} is {answer.commit[:12] or 'no commit yet'}")
    judged = answer.invariants
    for one in sorted(judged, key=lambda one: [one.id.startswith(f"{w}.") for w in where], reverse=True):
        lines += format_verdict(one)
    bad = next((one.id for one in judged if one.closes), None)
    why = f"; for details and waivers: l9 check --explain {bad}" if bad else ""
    lines.append(f"{counted(judged)}{why}")
    return "\n".join(lines)


def judge_all(
    here: Project, tag: str | None, where: tuple[Substrate, ...], *, whole_history: bool = False
) -> tuple[str | None, str, list[Judged], Record]:
    """Return the tag (None for HEAD), its commit, the verdicts, and the host's record of the live release.

    The host is queried only if it is in `where`; its record is empty otherwise.
    """
    from l9.operator.deploy import claim_of, judge_repository, preview_of, release_at_head
    from l9.protocol import client, requests
    from l9.protocol.answers.check import HostCheck, Record
    from l9.protocol.caller import whoami

    tag = tag or release_at_head(here.repo, here.config)
    local = tuple(w for w in where if w in BEFORE_THE_HOST)
    run, judged = judge_repository(here.repo, here.config, tag or "", local, whole_history=whole_history)
    record = Record()
    if Substrate.HOST in where:
        asked = requests.Check(
            release=claim_of(here.repo, run) if tag else None,
            preview=preview_of(here.repo, here.config, tag or ""),
        )
        found = client.query(here.config, asked, HostCheck, whoami(), remark)
        judged += found.invariants
        record = found.record
    return tag, run.commit, judged, record


WEIGHTS = {
    "hard": "hard: its gates stay closed until it holds",
    "rule": "rule: its gates stay closed until it holds or [check.waive] in l9.toml gives a reason",
    "advice": "advice: closes no gate unless [check] require in l9.toml lists it",
}


def counted(judged: Sequence[Judged | Line]) -> str:
    """Return the count of each verdict, and of excused ones separately."""
    excused = sum(map(_excused, judged))
    count = Counter(one.verdict for one in judged if not _excused(one))
    words = [f"{count[kind]} {kind}" for kind in VerdictKind if count[kind] or kind is VerdictKind.PASS]
    return ", ".join([*words, *([f"{excused} excused (advice or waived)"] if excused else [])])


def _excused(one: Judged | Line) -> bool:
    return one.verdict.closes and not one.closes


def icon(one: Judged | Line) -> str:
    """Return the icon of a verdict."""
    return "⚠" if _excused(one) else ICONS[one.verdict]


def format_verdict(one: Judged) -> list[str]:
    """Return one invariant as text: its evidence and, if it fails, the expected state and the remedy."""
    excused = f"{one.excused}: " if one.excused else ""
    lines = [f"{icon(one)} {one.verdict:<8} {one.id:<34} {excused}{one.found}"]
    if one.excused:
        lines.append(f"    next      {one.remedy}")
    if one.closes:
        lines += [f"    expected  {one.expected}"] if one.expected else []
        lines += [f"    {line}" for line in one.log[:5]]
        lines += [f"    next      {one.remedy}"] if one.remedy else []
    return lines


def _explain(name: str, *, as_json: bool) -> int:
    from l9.catalogue import catalogue, gates_of
    from l9.protocol.answers.check import Explained

    known = {invariant.id: invariant for invariant in catalogue()}
    refuse_unknown(name, tuple(known), "invariant")
    found = known[name]
    answer = Explained(
        id=found.id,
        why=found.why,
        clause=found.clause,
        substrate=found.substrate,
        weight=found.weight,
        observes=tuple(kind.__name__ for kind in found.observes),
        gates=gates_of(found),
    )
    lines = (
        found.id,
        f"  why       {found.why}",
        f"  source    {found.clause}",
        f"  weight    {WEIGHTS[found.weight]}",
        f"  observes  {', '.join(answer.observes)}",
        f"  gates     {', '.join(answer.gates) or 'none: checked between deploys'}",
    )
    show(answer, as_json=as_json, text=lambda: "\n".join(lines))
    return 0
