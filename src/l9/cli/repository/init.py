"""`l9 init`: what a repository needs to be deployed by l9, from what lies in it."""

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
@click.option("--host", default="", metavar="USER@HOST", help="The server, as ssh takes it.")
@click.option("--url", default="", metavar="URL", help="The public URL.")
@click.option("--app", default="", help="The application's name.")
@click.option("--hooks/--no-hooks", default=True, help="Install the git hooks too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def command(host: str, url: str, app: str, hooks: bool, yes: bool, as_json: bool) -> int:
    """Write l9.toml, .env.example, the spec's scripts and the git hooks, showing them first.

    Looks at the compose file, its services, the Dockerfile, the health endpoint and the variables that the code
    reads. A file that is there is never overwritten. Exit code 3 when nothing was written.
    """
    from l9.operator.scaffold.proposal import propose
    from l9.operator.scaffold.repository_scan import look
    from l9.operator.scaffold.settings import Asked

    top = find_top(Path.cwd())
    if (top / FILE).exists():
        raise UsageError(
            f"{FILE} is there already", expected=f"no {FILE}", found=str(top / FILE), remedy="l9 config show"
        )
    proposal = propose(look(top), Asked(app=app, host=host, url=url))
    settings = proposal.files[-1]
    parse(settings.text)  # what is written must be readable
    new = [file for file in proposal.files if not file.there]
    if not as_json:
        sys.stdout.write(diff_text(proposal.files))
    written = yes or (not as_json and sys.stdin.isatty() and click.confirm(f"Write {_named(new)}?", err=True))
    if written:
        write(top, new)
    if written and hooks:
        proposal = replace(proposal, notes=(*proposal.notes, *_install(top)))
    answer = _answer(top, proposal, written=written)
    show(answer, as_json=as_json, text=lambda: told(answer))
    return 0 if written else DECLINED


def diff_text(files: Iterable[NewFile]) -> str:
    """The files as a diff against what is there."""
    lines = []
    for file in files:
        if file.there:
            lines.append(f"# {file.path} is there already, and stays as it is")
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
    """Make new files with their modes, or none. Raises UsageError where something is in the place of one after all."""
    for file in files:
        path = top / file.path
        if not path.parent.resolve().is_relative_to(top.resolve()):
            raise _taken(path.parent, "a directory of this repository", "a link out of it")
        if os.path.lexists(path):
            raise _taken(path, f"no {file.path}", "one that git leaves out, or a link")
    for file in files:
        path = top / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as out:
            out.write(file.text)
        path.chmod(file.mode)


def _taken(path: Path, expected: str, found: str) -> UsageError:
    return UsageError(f"{path} is taken", expected=expected, found=found, remedy="git status --ignored")


def _install(top: Path) -> list[Note]:
    """Install the git hooks; what they will ask, or why they are not there."""
    from l9.cli.repository.hooks import on_review
    from l9.drivers.git_hooks.files import OURS, HookFiles
    from l9.operator.scaffold.snapshot import Note

    files = HookFiles(top, OURS)
    try:
        files.install()
    except L9Error as error:
        return [Note(f"the git hooks are not installed: {error.summary}", error.remedy)]
    judged = Note(
        "each commit is judged from now on, the Dockerfile and the compose file with it", "l9 check"
    )
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


def told(answer: Init) -> str:
    """What was done and what is left to a person."""
    lines = [f"wrote {file.path}" for file in answer.files if answer.written and not file.there]
    if answer.notes:
        lines.append("left to you:")
        for note in answer.notes:
            lines += [f"▲ {note.what}", *([f"    {note.next}"] if note.next else [])]
    if not answer.written:
        return "\n".join([*lines, "nothing was written: l9 init --yes writes it"])
    return "\n".join([*lines, "then:", *(f"  {step}" for step in answer.next)])
