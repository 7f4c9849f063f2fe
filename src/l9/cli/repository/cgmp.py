"""`l9 cgmp [TAG]`: the stages FIX, SIM, COV and ORACLE, of a release or of HEAD; nothing is pushed."""

from __future__ import annotations

import click

from l9.checks.pipeline.stages import StageResult
from l9.cli.context import HELP, Project, json_option, progress_option, project, target_option, verbose_option
from l9.cli.render.json_lines import JsonView
from l9.cli.render.rows import Row, label, log_line
from l9.cli.render.view import View, view
from l9.cli.server.outcome import ended, local_end
from l9.core.states import Stage, State
from l9.errors import UsageError
from l9.operator.deploy import release_at_head, run_operator_gates
from l9.protocol.answers.run_lines import progress_of
from l9.protocol.answers.runs import CgmpResult

GATES = {Stage.FIX: State.FIX, Stage.SIM: State.SIM, Stage.COV: State.COV, Stage.ORACLE: State.ORACLE}


@click.command("cgmp", context_settings=HELP)
@click.argument("tag", required=False)
@click.option("--stage", type=click.Choice([s.value for s in Stage]), help="Stop behind this stage.")
@click.option("--again", is_flag=True, help="Run the stages anew, also on a tree that has not changed.")
@click.option("--attest", is_flag=True, help="Sign that all four are green, for the host to ask for.")
@target_option
@json_option
@progress_option
@verbose_option
def command(
    tag: str | None,
    stage: str | None,
    again: bool,
    attest: bool,
    target: str | None,
    as_json: bool,
    progress: str,
    verbose: bool,
) -> int:
    """Run the stages on the tree of TAG, or of what HEAD would release: formatters, tests, coverage, contract.

    Of a release, the gates before and behind them are judged too. An attestation is noted here, and goes to origin
    with the next deploy.
    """
    if attest and stage:
        raise UsageError(
            "a part of the stages is not attested", expected="--attest or --stage", found="both",
            remedy="l9 cgmp --help",
        )  # fmt: skip
    here = project(target)
    tag = tag or release_at_head(here.repo, here.config)
    last = Stage(stage) if stage else None
    screen = view(progress, as_json=as_json, verbose=verbose, fold=False)
    try:
        if tag is None:
            return _of_head(here, last, screen, again=again, attested=attest)
        # The gate behind the stages asks for the attestation itself.
        until = GATES[last] if last else State.TESTS_GREEN if attest else State.CREATE_ANNOTATED_TAG
        part = run_operator_gates(
            here.repo, here.config, tag,
            seen=screen.entry,
            watch=lambda gate, p: screen.progress(progress_of(gate, p)),
            say=screen.line,
            until=until,
            again=again,
        )  # fmt: skip
        if attest and part.run.finished is None:
            _attest(here, tag, screen)
        return ended(screen, local_end(part.run, until))
    finally:
        screen.close()


def _attest(here: Project, tag: str, screen: View) -> None:
    """Attest what is known of the tree of TAG, or of HEAD where it is empty."""
    from l9.operator.pipeline.attest import attest
    from l9.operator.pipeline.tree_under_test import remembered

    report = remembered(here.repo, here.config, tag)
    if report is not None:
        key = attest(here.repo, here.config, report, tag)
        signer = here.repo.attested(tag).signer
        screen.note(f"tree {report.tree[:12]} attested by {signer or key}", "open")


def _of_head(here: Project, last: Stage | None, screen: View, *, again: bool, attested: bool) -> int:
    """The stages alone, of what HEAD would release."""
    from l9.drivers.files.lock import LockFile
    from l9.drivers.git.repo import find_top
    from l9.operator.pipeline.pipeline import run_stages
    from l9.operator.pipeline.tree_under_test import subject_of
    from l9.protocol.caller import whoami

    subject = subject_of(here.repo, here.config, "")
    if not subject.tree:
        find_top(here.top)  # where it is no working copy at all, that is what is wrong
        raise UsageError(
            "there is no commit yet", expected="a commit", found="none", remedy="git add --all && git commit"
        )
    wanted = tuple(s for s in Stage if last is None or list(Stage).index(s) <= list(Stage).index(last))

    def seen(result: StageResult) -> None:
        for row in stage_rows(result):
            screen.row(row)

    lock = LockFile(here.repo.state() / "lock")
    lock.take(whoami(), "the stages of HEAD")
    try:
        report = run_stages(here.repo, here.config, subject, wanted, screen.line, again=again, seen=seen)
    finally:
        lock.free()
    if attested and report.passed:
        _attest(here, "", screen)
    green = all((found := report.of(s)) is not None and found.ok for s in wanted)
    outcome = State.TESTS_GREEN if report.passed else (GATES[wanted[-1]] if green else State.REFUSED)
    code = 0 if green else 3
    if isinstance(screen, JsonView):
        screen.result(CgmpResult(outcome=outcome, exit_code=code, stages=report.stages))
    return code


def stage_rows(result: StageResult) -> list[Row]:
    """One stage's outcome for people."""
    cached = " (unchanged, cached)" if result.cached else ""
    icon = "open" if result.ok else "closed"
    head = Row(icon=icon, name=result.stage.name, text=result.found + cached, seconds=result.seconds)
    if result.ok:
        return [head]
    return [head, *map(log_line, result.tail[-8:]), label("next", result.command, 0)]
