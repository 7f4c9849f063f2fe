"""The process that holds the lock and drives the run, detached: in its own session, without a terminal."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec

from l9.core.states import State
from l9.core.verdict import Pending
from l9.errors import Interrupted, L9Error
from l9.protocol.answers.error import Error
from l9.protocol.answers.run_lines import TextLine, progress_of
from l9.protocol.messages import AnyMessage, encode

KEPT = 100  # runs whose progress and worker's log are kept


class ProgressFile:
    """A run's progress, for watchers: best effort, and not fsynced."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] | None = None
        with contextlib.suppress(OSError):  # the run itself says what a full or read-only disk means
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
        self._last: dict[str, str] = {}

    def watch(self, gate: State, pending: Pending) -> None:
        """Write a waiting gate's progress if it changed."""
        if self._last.get(gate) != pending.found:
            self._last[gate] = pending.found
            self._write(progress_of(gate, pending))

    def say(self, text: str) -> None:
        """Write one line of output."""
        self._write(TextLine(text=text))

    def _write(self, message: AnyMessage) -> None:
        if self._file is None:
            return
        with contextlib.suppress(OSError):  # a full disk must not stop a rollback
            self._file.write(encode(message) + b"\n")


class Began(msgspec.Struct, frozen=True, kw_only=True, tag="began"):
    """The run is journalled. `offset`: bytes of the journal before its first entry; `ends`: its earlier ends."""

    run: str
    offset: int
    ends: int = 0


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """The run did not begin, with the error."""

    error: Error


Report = Callable[[Began | Refused], None]
_decode = msgspec.json.Decoder(Began | Refused).decode


def detach(work: Callable[[Report], None], log: Path) -> Began | Refused:
    """Run `work` in a detached process; return its first report, or Interrupted if it was killed without one.

    `work` gets the report function. Its output goes to `log`.
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
    return _decode(data) if data else _killed(log)


def _killed(log: Path) -> Refused:
    """A worker without a report was killed: an error of its own would have been reported."""
    error = Interrupted(
        "the run on the host was interrupted",
        expected="a run that begins",
        found=f"its process was killed before that; its log is {log}",
        remedy="l9 resume",
    )
    return Refused(error=Error.of(error))


def _bug(found: str, log: Path) -> Refused:
    remedy = shlex.join(("tail", str(log)))
    error = L9Error("a bug in l9, on the host", expected="a run that begins", found=found, remedy=remedy)
    return Refused(error=Error.of(error))


def _open_log(log: Path) -> int:
    """Open the worker's log; on a full or read-only disk, nothing is kept of what it prints."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def forget_old(runs: Path) -> None:
    """Remove the files of all but the newest runs; the journal keeps what happened in them."""
    with contextlib.suppress(OSError):
        for old in sorted(runs.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)


def _become_worker(work: Callable[[Report], None], write: int, log: Path) -> None:
    os.setsid()
    if os.fork():
        os._exit(0)
    code = 1
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        out = _open_log(log)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        open_pipe = [write]

        def report(answer: Began | Refused) -> None:
            if open_pipe:
                os.write(write, msgspec.json.encode(answer))
                os.close(open_pipe.pop())

        try:
            work(report)
            code = 0
        except L9Error as error:
            print(error, file=sys.stderr, flush=True)
            report(Refused(error=Error.of(error)))
        except BaseException:
            from traceback import print_exc

            print_exc()
            report(_bug(f"a traceback in {log}", log))
    finally:
        sys.stderr.flush()
        os._exit(code)
