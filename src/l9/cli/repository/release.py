"""`l9 release`: propose or check the next version, run the gates, attest, and tag."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from l9.cli.context import HELP, json_option, project, show, target_option
from l9.cli.plain_text import printable

if TYPE_CHECKING:
    from l9.checks.pipeline.stages import StageResult
    from l9.protocol.answers.releases import MadeRelease


@click.command("release", context_settings=HELP)
@click.argument("version", required=False, default="", metavar="[major|minor|patch|TAG]")
@click.option("--dry-run", is_flag=True, help="Print the tag and its message; write nothing.")
@click.option("--sign", is_flag=True, help="Sign the tag, with SSH or GPG as git is configured.")
@target_option
@json_option
def command(version: str, dry_run: bool, sign: bool, target: str | None, as_json: bool) -> int:
    """Tag HEAD as the next release, after CGMP and every gate that can be evaluated before tagging.

    Commit types and API changes set the smallest version; a higher one may be given, a lower one is refused.
    The outcome of CGMP is attested with your SSH key. Nothing is pushed: `l9 deploy` does that.
    """
    from l9.checks.pipeline.stages import CgmpReport
    from l9.core.states import Stage
    from l9.operator.pipeline.pipeline import run_stages
    from l9.operator.pipeline.tree_under_test import subject_of
    from l9.operator.release import release

    here = project(target)
    repo, config = here.repo, here.config

    def show_stage(result: StageResult) -> None:
        if not as_json:
            cached = " (unchanged, cached)" if result.cached else ""
            line = f"{'✔' if result.ok else '✘'} {result.stage.name:<8} {result.found}{cached}"
            sys.stderr.write(f"{printable(line)}\n")
            sys.stderr.flush()

    def stages() -> CgmpReport:
        return run_stages(
            repo, config, subject_of(repo, config, ""), tuple(Stage), lambda _line: None, on_result=show_stage
        )

    made = release(repo, config, version, stages, sign=sign, dry_run=dry_run)
    show(made, as_json=as_json, text=lambda: text_of(made))
    return 0


def text_of(made: MadeRelease) -> str:
    """Return the release as text."""
    after = f"after {made.previous}" if made.previous else "the first"
    lines = [f"{made.tag}, {after}, of {made.commit[:12]}"]
    lines += [f"  because  {reason}" for reason in made.needed.reasons]
    lines += ["", *(f"  | {line}" for line in made.message.rstrip().splitlines()), ""]
    if made.dry_run:
        return "\n".join([*lines, "nothing was written (--dry-run)"])
    return "\n".join([*lines, f"✔ tagged, attested by {made.signer}", f"  next     l9 deploy {made.tag}"])
