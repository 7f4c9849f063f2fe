"""`l9 hooks install|status|remove`, and `l9 hooks run`, which the installed hooks call."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from l9.cli.context import HELP, json_option, show
from l9.cli.plain_text import printable
from l9.drivers.git_hooks.files import OURS

if TYPE_CHECKING:
    from l9.drivers.git_hooks.files import HookFiles
    from l9.protocol.answers.hooks import HookFinding, Hooks

CLOSED = 3
STATES = {
    "installed": "✔ installed",
    "outdated": "✘ other l9 version",
    "other": "✘ not l9's",
    "absent": "· not installed",
}


@click.group("hooks", context_settings=HELP)
def command() -> None:
    """Check commits and pushes of this repository with git hooks."""


@command.command("install", context_settings=HELP)
@json_option
def install_command(as_json: bool) -> int:
    """Install the hooks. An existing hook is kept and runs first."""
    files = _files()
    files.install()
    return _show(files, as_json=as_json, after=on_review())


@command.command("status", context_settings=HELP)
@json_option
def status_command(as_json: bool) -> int:
    """Show which hooks are installed, and which existing hooks run before them."""
    return _show(_files(), as_json=as_json)


@command.command("remove", context_settings=HELP)
@json_option
def remove_command(as_json: bool) -> int:
    """Remove the hooks and restore the previous ones."""
    files = _files()
    files.remove()
    return _show(files, as_json=as_json)


@command.command("run", context_settings={**HELP, "ignore_unknown_options": True})
@click.argument("name", type=click.Choice([*OURS, "pre-receive"]))
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@json_option
def run_command(name: str, args: tuple[str, ...], as_json: bool) -> int:
    """Run one hook's checks: for your own hooks, and for pre-commit and prek. ARGS are the arguments git passes."""
    from l9.drivers.git.environment import recall_callers_repository
    from l9.drivers.git_hooks.files import HookFiles

    began = time.monotonic()
    recall_callers_repository()
    here = Path.cwd()
    stdin = _stdin(name)
    before = HookFiles(here, (name,)).run_kept(name, args, stdin)
    os.environ["GIT_NO_REPLACE_OBJECTS"] = "1"  # check the objects themselves, not their replacements
    remarks = _judge(name, here, args, stdin.decode(errors="replace"))
    closed = any(remark.closes for remark in remarks)
    if as_json:
        from l9.protocol.answers.hooks import HookRun

        answer = HookRun(
            hook=name,
            ok=not closed and not before,
            remarks=tuple(remarks),
            before=before,
            seconds=time.monotonic() - began,
        )
        show(answer, as_json=True, text=str)
    else:
        sys.stderr.write("".join(f"{printable(line)}\n" for line in format_findings(name, remarks)))
    return before or (CLOSED if closed else 0)


def format_findings(name: str, remarks: list[HookFinding]) -> list[str]:
    """Return a hook's findings as text: failures, then warnings; nothing if there are none."""
    from l9.operator.hook_findings import JUDGED

    lines = []
    for one in sorted(remarks, key=lambda one: not one.closes):
        lines.append(f"{'✘' if one.closes else '⚠'} l9 {name}: {one.about}: {one.found}")
        if one.closes:
            lines += [f"    expected  {one.expected}"] if one.expected else []
            lines += [f"    {line}" for line in one.log[:15]]
            lines += [f"    next      {one.remedy}"] if one.remedy else []
    if known := next((one.about for one in remarks if one.closes and one.about.startswith(JUDGED)), None):
        lines.append(f"· for details and waivers: l9 check --explain {known}")
    return lines


def _stdin(name: str) -> bytes:
    """Return git's standard input to a hook; empty for a hook that has none, and on a terminal."""
    if name not in ("pre-push", "pre-receive") or sys.stdin is None or os.isatty(0):
        return b""
    return sys.stdin.buffer.read()


def _judge(name: str, here: Path, args: tuple[str, ...], stdin: str) -> list[HookFinding]:
    if name == "pre-receive":
        from l9.operator.protect import judge_received

        return judge_received(here, stdin)
    from l9.operator import hooks

    if name == "pre-commit":
        return hooks.judge_staged(here)
    if name == "pre-push":
        remote = args[0] if args else os.environ.get("PRE_COMMIT_REMOTE_NAME", "origin")
        return hooks.judge_outgoing(here, remote, stdin)
    if not args:
        from l9.errors import UsageError

        raise UsageError(
            "the commit message's file is required",
            expected="the path of the file with the message",
            found="no argument",
            remedy="l9 hooks run --help",
        )
    return hooks.judge_message(here, Path(args[0]))


def _files() -> HookFiles:
    from l9.drivers.git_hooks.files import HookFiles

    return HookFiles(Path.cwd(), OURS)


def on_review() -> list[str]:
    """Return a note on what the pre-push hook requires of main, before anyone commits to it directly."""
    from l9.configuration import FILE, load_any
    from l9.drivers.git_hooks.files import find_places

    top = Path(find_places(Path.cwd()).top)
    if not (top / FILE).is_file():
        return [f"· no {FILE} yet: l9 init creates it"]
    release = load_any(top).release
    if release.review == "none":
        return []
    what = "reviewed merges" if release.review == "required" else "merges"
    return [f'· {release.main} accepts only {what}; if you work alone: [release] review = "none" in {FILE}']


def _show(files: HookFiles, *, as_json: bool, after: list[str] | None = None) -> int:
    from l9.protocol.answers.hooks import Hooks

    states = files.states()
    answer = Hooks(
        directory=str(files.directory),
        hooks_path=files.hooks_path,
        ready=all(one.state == "installed" for one in states),
        hooks=states,
    )
    show(answer, as_json=as_json, text=lambda: "\n".join([*_text(answer), *(after or [])]))
    return 0


def _text(answer: Hooks) -> list[str]:
    lines = [f"hooks in {answer.directory}"]
    if answer.hooks_path:
        lines[0] += f" (core.hooksPath is {answer.hooks_path})"
    for one in answer.hooks:
        kept = Path(one.kept).name if one.kept else ""
        runs = f"; {kept} runs first" if one.kept_runs else f"; {kept} is not executable and does not run"
        lines.append(f"{STATES[one.state]:<26}{one.name}{runs if kept else ''}")
    return lines
