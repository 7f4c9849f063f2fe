"""`l9 demo`: a complete demonstration on this machine, with real Caddy, PostgreSQL and processes."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from l9.cli.context import HELP, json_option, progress_option, verbose_option
from l9.cli.render.json_lines import JsonView
from l9.cli.render.view import view
from l9.errors import UsageError


@click.command("demo", context_settings=HELP)
@click.option(
    "--files", type=click.Path(path_type=Path, file_okay=False), help="Directory for the demo's files."
)
@json_option
@progress_option
@verbose_option
def command(files: Path | None, as_json: bool, progress: str, verbose: bool) -> int:
    """Run seven steps under load, among them bad releases, a killed deployer and a rollback. Leaves nothing running."""
    try:
        from l9.demo.story import Story, files_root, table
    except ImportError as error:
        raise UsageError(
            "the demo's dependencies are not installed",
            expected="l9 with its demo extra",
            found=str(error),
            remedy="pip install 'l9[demo]'",
        ) from None
    from l9.demo.stage import Stage

    os.umask(0o022)  # PostgreSQL's user must be able to read its files
    signs = shutil.which("ssh-keygen") is not None  # without it, the demo uses unsigned tags
    stage = Stage((files or files_root()).absolute(), attested=signs)
    stage.root.chmod(0o755) if stage.root.exists() else None
    screen = view(progress, as_json=as_json, verbose=verbose)
    try:
        screen.note("starting PostgreSQL and Caddy, making a repository, its origin and a host")
        stage.start()
        report = Story(stage, screen).play()
    finally:
        screen.close()
        stage.stop()
    if isinstance(screen, JsonView):
        screen.result(report)
    else:
        sys.stdout.write("\n" + table(report) + "\n")
    return 0 if report.ok else 1
