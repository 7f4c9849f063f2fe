"""`l9 cgmp [TAG]`: the local rows up to the tag, the release's own tests among them; nothing is pushed."""

from __future__ import annotations

import click

from l9.cli.context import HELP, json_option, progress_option, project, target_option
from l9.cli.deploy import ended, local_end
from l9.cli.render import view
from l9.core.states import State
from l9.errors import UsageError
from l9.local.runs import newest_tag, run_local


@click.command("cgmp", context_settings=HELP)
@click.argument("tag", required=False)
@target_option
@json_option
@progress_option
def command(tag: str | None, target: str | None, as_json: bool, progress: str) -> int:
    """Run the release's own tests on the tree of TAG (the newest release when none is named); push nothing."""
    here = project(target)
    tag = tag or newest_tag(here.repo, here.config)
    if tag is None:
        raise UsageError(
            "there is no release tag yet",
            expected=f"a tag like {here.config.release.tag}",
            found="none",
            remedy="git tag -a v0.1.0-l9 -m 'Release v0.1.0-l9: …'",
        )
    screen = view(progress, as_json=as_json)
    try:
        part = run_local(
            here.repo, here.config, tag,
            seen=screen.entry,
            watch=lambda gate, p: screen.progress(gate, p.found, p.done, p.total),
            say=screen.line,
            until=State.TAGGED,
        )  # fmt: skip
        return ended(screen, local_end(part.run))
    finally:
        screen.close()
