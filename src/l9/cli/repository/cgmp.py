"""`l9 cgmp [TAG]`: run the stages FIX, SIM, COV and ORACLE on a release or on HEAD, without pushing."""

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
@click.option("--stage", type=click.Choice([s.value for s in Stage]), help="Stop after this stage.")
@click.option("--again", is_flag=True, help="Run the stages even if the tree is unchanged.")
@click.option("--attest", is_flag=True, help="Sign an attestation that all four stages passed.")
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
    """Run the stages on the tree of TAG, or of HEAD: formatters, tests, coverage, contract.

    For TAG, the gates before and after the stages are evaluated too. An attestation is stored locally as a git
    note, and pushed to origin by the next deploy.
    """
    if attest and stage:
        raise UsageError(
            "--attest requires all stages", expected="--attest or --stage", found="both",
            remedy="l9 cgmp --help",
        )  # fmt: skip
    here = project(target)
    tag = tag or release_at_head(here.repo, here.config)
    last = Stage(stage) if stage else None
    screen = view(progress, as_json=as_json, verbose=verbose, fold=False)
    try:
        if tag is None:
            return _of_head(here, last, screen, again=again, attested=attest)
        # The gate after the stages itself requires the attestation.
        until = GATES[last] if last else State.TESTS_GREEN if attest else State.CREATE_ANNOTATED_TAG
        part = run_operator_gates(
            here.repo, here.config, tag,
            on_entry=screen.entry,
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
    """Attest the recorded report on the tree of TAG, or of HEAD if it is empty."""
    from l9.operator.pipeline.attest import attest
    from l9.operator.pipeline.tree_under_test import remembered

    report = remembered(here.repo, here.config, tag)
    if report is not None:
        key = attest(here.repo, here.config, report, tag)
        signer = here.repo.attested(tag).signer
        screen.note(f"tree {report.tree[:12]} attested by {signer or key}", "open")


def _of_head(here: Project, last: Stage | None, screen: View, *, again: bool, attested: bool) -> int:
    """Run the stages alone, on HEAD."""
    from l9.drivers.files.lock import LockFile
    from l9.drivers.git.repo import find_top
    from l9.operator.pipeline.pipeline import run_stages
    from l9.operator.pipeline.tree_under_test import subject_of
    from l9.protocol.caller import whoami

    subject = subject_of(here.repo, here.config, "")
    if not subject.tree:
        find_top(here.top)  # raises a better error outside a working copy
        raise UsageError(
            "no commits yet", expected="a commit", found="none", remedy="git add --all && git commit"
        )
    wanted = tuple(s for s in Stage if last is None or list(Stage).index(s) <= list(Stage).index(last))

    def show_stage(result: StageResult) -> None:
        for row in stage_rows(result):
            screen.row(row)

    lock = LockFile(here.repo.state() / "lock")
    lock.take(whoami(), "the stages of HEAD")
    try:
        report = run_stages(
            here.repo, here.config, subject, wanted, screen.line, again=again, on_result=show_stage
        )
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
    """Return one stage's outcome as rows."""
    cached = " (unchanged, cached)" if result.cached else ""
    icon = "open" if result.ok else "closed"
    head = Row(icon=icon, name=result.stage.name, text=result.found + cached, seconds=result.seconds)
    if result.ok:
        return [head]
    return [head, *map(log_line, result.tail[-8:]), label("next", result.command, 0)]
