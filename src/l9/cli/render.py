"""A run as people and machines watch it: the same events, drawn, in plain lines, or as JSON Lines."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from typing import IO, Any, Protocol

import msgspec

from l9.cli.plain_text import json_line, printable
from l9.cli.sentences import ICONS, sentences
from l9.core import events as ev
from l9.errors import AgentMismatch, Interrupted
from l9.protocol.answers.answer import Answer
from l9.protocol.answers.run_lines import (
    EntryLine,
    NoteLine,
    ProgressLine,
    ResultLine,
    RunMessage,
    Start,
    TextLine,
)
from l9.protocol.answers.runs import LogsResult, RunResult
from l9.protocol.messages import AnyMessage


class View(Protocol):
    """Takes what happens, as it happens."""

    def entry(self, entry: ev.Entry) -> None: ...

    def progress(self, gate: str, found: str, done: float, total: float) -> None: ...

    def line(self, text: str) -> None: ...

    def note(self, text: str, icon: str = "note") -> None: ...

    def close(self) -> None: ...


def view(mode: str, *, as_json: bool = False, stream: IO[str] | None = None) -> View:
    """The view for a `--progress` mode; `auto` draws on a terminal only."""
    out = stream or sys.stderr
    if as_json or mode == "json":
        return JsonView(sys.stdout)
    if mode == "tty" or (mode == "auto" and out.isatty() and os.environ.get("TERM") != "dumb"):
        try:
            from l9.cli.render_tty import TtyView
        except ModuleNotFoundError:  # on a host, where the agent has nothing to draw with
            return PlainView(out)
        return TtyView(out)
    return PlainView(out)


def feed(messages: Iterable[AnyMessage], into: View) -> RunResult | LogsResult:
    """Show an agent's messages; the answer in the last one."""
    answer: object = None
    begun = False
    try:
        for message in messages:
            match message:
                case EntryLine(entry=entry):
                    begun = True
                    into.entry(entry)
                case ProgressLine(gate=gate, found=found, done=done, total=total):
                    into.progress(gate, found, done, total)
                case TextLine(text=text):
                    into.line(text)
                case NoteLine(text=text, level=level):
                    into.note(text, level)
                case ResultLine(answer=found):
                    answer = found
    except KeyboardInterrupt:
        raise Interrupted(
            "you stopped watching; the run on the host goes on by itself"
            if begun
            else "you stopped waiting; if the run on the host has begun, it goes on by itself",
            expected="to be watched until the run's end",
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


class JsonView:
    """JSON Lines of the journal's own events; none at all where the command is refused before any."""

    def __init__(self, out: IO[str], schema: str = "l9.run/1") -> None:
        self._out = out
        self._schema = schema
        self._begun = False

    def entry(self, entry: ev.Entry) -> None:
        self._write(EntryLine(entry=entry))

    def progress(self, gate: str, found: str, done: float, total: float) -> None:
        self._write(ProgressLine(gate=gate, found=found, done=done, total=total))

    def line(self, text: str) -> None:
        self._write(TextLine(text=text))

    def note(self, text: str, icon: str = "note") -> None:
        self._write(NoteLine(text=text, level=icon))

    def result(self, answer: Answer | dict[str, Any]) -> None:
        told = msgspec.to_builtins(answer) if isinstance(answer, Answer) else answer
        self._write(
            msgspec.convert({"type": "result", "answer": {"schema": self._schema, **told}}, ResultLine)
        )

    def close(self) -> None:
        pass

    def _write(self, line: RunMessage) -> None:
        if not self._begun:
            self._begun = True
            self._write(Start())
        self._out.write(json_line(line))
        self._out.flush()


class PlainView:
    """One line a step, no escapes; what waits says so every few seconds."""

    EVERY = 5.0  # seconds

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._said = time.monotonic()

    def entry(self, entry: ev.Entry) -> None:
        for icon, text in sentences(entry.body):
            self.note(text, icon)

    def progress(self, gate: str, found: str, done: float, total: float) -> None:
        if time.monotonic() - self._said > self.EVERY:
            self.note(f"{gate:<20} {found}")

    def line(self, text: str) -> None:
        if time.monotonic() - self._said > self.EVERY:
            self.note(f"{'':<20} {text}")

    def note(self, text: str, icon: str = "note") -> None:
        self._said = time.monotonic()
        self._out.write(f"{ICONS.get(icon, icon)} {printable(text)}\n")
        self._out.flush()

    def close(self) -> None:
        pass
