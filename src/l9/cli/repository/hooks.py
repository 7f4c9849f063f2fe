"""`l9 hooks install|status|remove`, and `l9 hooks run`, which the hooks themselves call."""

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
    "outdated": "✘ written by another l9",
    "other": "✘ not l9's",
    "absent": "· not installed",
}


@click.group("hooks", context_settings=HELP)
def command() -> None:
    """Judge commits and pushes of this repository before they are made."""


@command.command("install", context_settings=HELP)
@json_option
def install_command(as_json: bool) -> int:
    """Install the hooks. A hook that is there is kept, and runs first."""
    files = _files()
    files.install()
    return _show(files, as_json=as_json, after=on_review())


@command.command("status", context_settings=HELP)
@json_option
def status_command(as_json: bool) -> int:
    """Tell which hooks are installed, and which others run with them."""
    return _show(_files(), as_json=as_json)


@command.command("remove", context_settings=HELP)
@json_option
def remove_command(as_json: bool) -> int:
    """Take the hooks away, and put back what was there before."""
    files = _files()
    files.remove()
    return _show(files, as_json=as_json)


@command.command("run", context_settings={**HELP, "ignore_unknown_options": True})
@click.argument("name", type=click.Choice([*OURS, "pre-receive"]))
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@json_option
def run_command(name: str, args: tuple[str, ...], as_json: bool) -> int:
    """What a hook does; for hooks of your own, and for pre-commit and prek (ARGS are git's own)."""
    from l9.drivers.git.environment import recall_callers_repository
    from l9.drivers.git_hooks.files import HookFiles

    began = time.monotonic()
    recall_callers_repository()
    here = Path.cwd()
    told = _told(name)
    before = HookFiles(here, (name,)).run_kept(name, args, told)
    os.environ["GIT_NO_REPLACE_OBJECTS"] = (
        "1"  # an object is judged as it is, whatever refs/replace shows for it
    )
    remarks = _judge(name, here, args, told.decode(errors="replace"))
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
        sys.stderr.write("".join(f"{printable(line)}\n" for line in told_of(name, remarks)))
    return before or (CLOSED if closed else 0)


def told_of(name: str, remarks: list[HookFinding]) -> list[str]:
    """What a hook says to people: what closes, then what is only to be known; nothing when all is well."""
    from l9.operator.hook_findings import JUDGED

    lines = []
    for one in sorted(remarks, key=lambda one: not one.closes):
        lines.append(f"{'✘' if one.closes else '⚠'} l9 {name}: {one.about}: {one.found}")
        if one.closes:
            lines += [f"    expected  {one.expected}"] if one.expected else []
            lines += [f"    {line}" for line in one.log[:15]]
            lines += [f"    next      {one.remedy}"] if one.remedy else []
    if known := next((one.about for one in remarks if one.closes and one.about.startswith(JUDGED)), None):
        lines.append(f"· why, and what may be waived: l9 check --explain {known}")
    return lines


def _told(name: str) -> bytes:
    """What git says on standard input; only these hooks are told anything, and a terminal says nothing."""
    if name not in ("pre-push", "pre-receive") or sys.stdin is None or os.isatty(0):
        return b""
    return sys.stdin.buffer.read()


def _judge(name: str, here: Path, args: tuple[str, ...], told: str) -> list[HookFinding]:
    if name == "pre-receive":
        from l9.operator.protect import judge_received

        return judge_received(here, told)
    from l9.operator import hooks

    if name == "pre-commit":
        return hooks.judge_staged(here)
    if name == "pre-push":
        remote = args[0] if args else os.environ.get("PRE_COMMIT_REMOTE_NAME", "origin")
        return hooks.judge_outgoing(here, remote, told)
    if not args:
        from l9.errors import UsageError

        raise UsageError(
            "no message to judge",
            expected="the file that the message is in",
            found="no argument",
            remedy="l9 hooks run --help",
        )
    return hooks.judge_message(here, Path(args[0]))


def _files() -> HookFiles:
    from l9.drivers.git_hooks.files import HookFiles

    return HookFiles(Path.cwd(), OURS)


def on_review() -> list[str]:
    """What the pre-push hook will ask of main, said before somebody has committed straight on it."""
    from l9.configuration import FILE, load_any
    from l9.drivers.git_hooks.files import find_places

    top = Path(find_places(Path.cwd()).top)
    if not (top / FILE).is_file():
        return [f"· no {FILE} yet: l9 init writes one"]
    release = load_any(top).release
    if release.review == "none":
        return []
    what = "reviewed merges" if release.review == "required" else "merges"
    return [f'· {release.main} takes {what} only; where you work alone: [release] review = "none" in {FILE}']


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
        runs = f"; {kept} runs first" if one.kept_runs else f"; {kept} is not executable, and not run"
        lines.append(f"{STATES[one.state]:<26}{one.name}{runs if kept else ''}")
    return lines
