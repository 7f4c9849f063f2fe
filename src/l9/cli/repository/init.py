"""`l9 init`: create the files that a repository needs for l9, from its contents."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from l9.cli.context import HELP, json_option, show
from l9.configuration import FILE, parse
from l9.drivers.git.repo import find_top
from l9.errors import L9Error, UsageError

if TYPE_CHECKING:
    from l9.operator.scaffold.proposal import NewFile, Proposal
    from l9.operator.scaffold.snapshot import Note
    from l9.protocol.answers.scaffold import Init

DECLINED = 3


@click.command("init", context_settings=HELP)
@click.option("--host", default="", metavar="USER@HOST", help="The server's ssh destination.")
@click.option("--url", default="", metavar="URL", help="The public URL.")
@click.option("--app", default="", help="The application's name.")
@click.option("--hooks/--no-hooks", default=True, help="Install the git hooks.")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@json_option
def command(host: str, url: str, app: str, hooks: bool, yes: bool, as_json: bool) -> int:
    """Create l9.toml, .env.example, the spec's scripts and the git hooks, after showing them.

    Reads the compose file, its services, the Dockerfile, the health endpoint and the variables that the code
    uses. Existing files are never overwritten. Exit code 3 if nothing was written.
    """
    from l9.operator.scaffold.proposal import propose
    from l9.operator.scaffold.repository_scan import look
    from l9.operator.scaffold.settings import Asked

    top = find_top(Path.cwd())
    if (top / FILE).exists():
        raise UsageError(
            f"{FILE} already exists", expected=f"no {FILE}", found=str(top / FILE), remedy="l9 config show"
        )
    proposal = propose(look(top), Asked(app=app, host=host, url=url))
    settings = proposal.files[-1]
    parse(settings.text)  # check that it can be read back
    new = [file for file in proposal.files if not file.there]
    if not as_json:
        sys.stdout.write(diff_text(proposal.files))
    written = yes or (not as_json and sys.stdin.isatty() and click.confirm(f"Write {_named(new)}?", err=True))
    if written:
        write(top, new)
    if written and hooks:
        proposal = replace(proposal, notes=(*proposal.notes, *_install(top)))
    answer = _answer(top, proposal, written=written)
    show(answer, as_json=as_json, text=lambda: init_text(answer))
    return 0 if written else DECLINED


def diff_text(files: Iterable[NewFile]) -> str:
    """Return the new files as a diff."""
    lines = []
    for file in files:
        if file.there:
            lines.append(f"# {file.path} already exists and is kept")
            continue
        body = file.text.splitlines()
        lines += [
            "--- /dev/null",
            f"+++ b/{file.path}",
            f"@@ -0,0 +1,{len(body)} @@",
            *(f"+{line}" for line in body),
        ]
    return "\n".join(lines) + "\n\n"


def write(top: Path, files: list[NewFile]) -> None:
    """Create all files with their modes, or none. Raises UsageError if one of the paths exists."""
    for file in files:
        path = top / file.path
        if not path.parent.resolve().is_relative_to(top.resolve()):
            raise _path_exists(path.parent, "a directory of this repository", "a link out of it")
        if os.path.lexists(path):
            raise _path_exists(path, f"no {file.path}", "a file that git ignores, or a link")
    for file in files:
        path = top / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as out:
            out.write(file.text)
        path.chmod(file.mode)


def _path_exists(path: Path, expected: str, found: str) -> UsageError:
    return UsageError(f"{path} already exists", expected=expected, found=found, remedy="git status --ignored")


def _install(top: Path) -> list[Note]:
    """Install the git hooks. Returns notes: what they check, or why they could not be installed."""
    from l9.cli.repository.hooks import on_review
    from l9.drivers.git_hooks.files import OURS, HookFiles
    from l9.operator.scaffold.snapshot import Note

    files = HookFiles(top, OURS)
    try:
        files.install()
    except L9Error as error:
        return [Note(f"the git hooks could not be installed: {error.summary}", error.remedy)]
    judged = Note("each commit is now checked, including the Dockerfile and the compose file", "l9 check")
    return [judged, *(Note(line.removeprefix("· ")) for line in on_review())]


def _named(files: Iterable[NewFile]) -> str:
    return ", ".join(file.path for file in files)


def _answer(top: Path, proposal: Proposal, *, written: bool) -> Init:
    from l9.protocol.answers.scaffold import Init, Left, ProposedFile

    settings = proposal.files[-1]
    return Init(
        file=str(top / settings.path),
        text=settings.text,
        missing=tuple(note.what for note in proposal.notes),
        written=written,
        files=tuple(
            ProposedFile(path=f.path, text=f.text, mode=f"{f.mode:04o}", there=f.there)
            for f in proposal.files
        ),
        notes=tuple(Left(what=note.what, next=note.next) for note in proposal.notes),
        next=proposal.steps if written else ("l9 init --yes",),
    )


def init_text(answer: Init) -> str:
    """Return as text what was written and what is left to do by hand."""
    lines = [f"wrote {file.path}" for file in answer.files if answer.written and not file.there]
    if answer.notes:
        lines.append("to do by hand:")
        for note in answer.notes:
            lines += [f"▲ {note.what}", *([f"    {note.next}"] if note.next else [])]
    if not answer.written:
        return "\n".join([*lines, "nothing was written; to write the files: l9 init --yes"])
    return "\n".join([*lines, "next:", *(f"  {step}" for step in answer.next)])
