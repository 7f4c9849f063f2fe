"""The process that holds the lock and drives the run, in a session of its own: no link, no terminal, no parent."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from l9.core.states import State
from l9.core.verdict import Pending
from l9.errors import L9Error
from l9.protocol.messages import AnyMessage, Line, Progress, encode


class ProgressFile:
    """What a run is waiting for, for those who watch; not fsynced, not kept beyond the retained runs."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._last: dict[str, str] = {}

    def watch(self, gate: State, pending: Pending) -> None:
        """Note how a gate is doing, when that changed."""
        if self._last.get(gate) != pending.found:
            self._last[gate] = pending.found
            self._write(Progress(gate=gate, found=pending.found, done=pending.done, total=pending.total))

    def say(self, text: str) -> None:
        """Note one line of output."""
        self._write(Line(text=text))

    def _write(self, message: AnyMessage) -> None:
        with contextlib.suppress(OSError):  # a full disk must not stop a rollback
            self._file.write(encode(message) + b"\n")


def detach(work: Callable[[Callable[[dict[str, Any]], None]], None], log: Path) -> dict[str, Any]:
    """Run `work` in a detached process; what it first reports (its readiness, or its error's envelope).

    `work` gets the function to report with. Its output goes to `log`.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _become_worker(work, write, log)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    return (
        dict(msgspec.json.decode(data)) if data else {"code": "BUG", "message": f"the worker died; see {log}"}
    )


def _become_worker(work: Callable[[Callable[[dict[str, Any]], None]], None], write: int, log: Path) -> None:
    os.setsid()
    if os.fork():
        os._exit(0)
    code = 1
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        log.parent.mkdir(parents=True, exist_ok=True)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        open_pipe = [write]

        def report(answer: dict[str, Any]) -> None:
            if open_pipe:
                os.write(write, msgspec.json.encode(answer))
                os.close(open_pipe.pop())

        try:
            work(report)
            code = 0
        except L9Error as error:
            print(error, file=sys.stderr, flush=True)
            report(error.envelope())
        except BaseException:
            traceback.print_exc()
            report({"code": "BUG", "message": f"a bug in l9; see {log}", "exit_code": 1})
    finally:
        sys.stderr.flush()
        os._exit(code)
