"""The views of a run: the same events drawn on a terminal, in plain lines, or as JSON Lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Protocol

from l9.cli.render.json_lines import JsonView
from l9.cli.render.plain import PlainView
from l9.cli.render.rows import Row
from l9.core import events as ev
from l9.errors import AgentMismatch, Interrupted
from l9.protocol.answers.run_lines import EntryLine, NoteLine, ProgressLine, ResultLine, TextLine
from l9.protocol.answers.runs import LogsResult, RunResult
from l9.protocol.messages import AnyMessage


class View(Protocol):
    """The display of a run: receives events, progress and output as they occur."""

    def entry(self, entry: ev.Entry) -> None: ...

    def progress(self, progress: ProgressLine) -> None: ...

    def line(self, text: str) -> None: ...

    def note(self, text: str, icon: str = "note") -> None: ...

    def row(self, row: Row) -> None: ...

    def close(self) -> None: ...


def view(
    mode: str,
    *,
    as_json: bool = False,
    verbose: bool = False,
    fold: bool = True,
    stream: IO[str] | None = None,
) -> View:
    """Return the view for a `--progress` mode; `auto` draws on a terminal only. `fold`: one line per finished phase."""
    out = stream or sys.stderr
    if as_json or mode == "json":
        return JsonView(sys.stdout)
    if mode == "tty" or (mode == "auto" and out.isatty() and os.environ.get("TERM") != "dumb"):
        try:
            from l9.cli.render.tty import TtyView
        except ModuleNotFoundError:  # Rich is not installed on a server
            return PlainView(out, verbose=verbose)
        return TtyView(out, verbose=verbose, fold=fold)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from l9.cli.render.github import GithubView

        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        return GithubView(out, Path(summary) if summary else None, verbose=verbose)
    return PlainView(out, verbose=verbose)


def feed(messages: Iterable[AnyMessage], into: View) -> RunResult | LogsResult:
    """Show an agent's messages. Returns the answer in the last one."""
    answer: object = None
    started = False
    try:
        for message in messages:
            match message:
                case EntryLine(entry=entry):
                    started = True
                    into.entry(entry)
                case ProgressLine():
                    into.progress(message)
                case TextLine(text=text):
                    into.line(text)
                case NoteLine(text=text, level=level):
                    into.note(text, level)
                case ResultLine(answer=found):
                    answer = found
    except KeyboardInterrupt:
        raise Interrupted(
            "stopped watching; the run on the host continues"
            if started
            else "stopped waiting; if the run on the host has started, it continues",
            expected="to be watched until the end of the run",
            found="Ctrl-C",
            remedy="l9 resume",
        ) from None
    if not isinstance(answer, RunResult | LogsResult):
        raise AgentMismatch(
            "the agent sent no result",
            expected="a result",
            found=type(answer).__name__,
            remedy="l9 provision",
        )
    return answer
