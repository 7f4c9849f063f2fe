"""The host's timer: `tick` and `drift`, without an operator. It uses the server's settings on the host."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from l9.errors import L9Error, Locked, UsageError
from l9.host import queries
from l9.host.agent import found, host_session
from l9.host.disk import refused_by_host
from l9.protocol.answers.answer import Answer
from l9.protocol.answers.error import Error
from l9.protocol.answers.status import DriftReport, Tick
from l9.protocol.messages import encode_answer

DRIFT = 7  # the exit code for drift found
WHO = "timer"


def main(argv: Sequence[str]) -> int:
    """`tick|drift --instance NAME|--path DIRECTORY`: one JSON line on standard output.

    Exit codes: 0, 7 for drift found, else the error's own; the error is also on standard error.
    """
    os.umask(0o022)
    command = argv[0]
    try:
        data = _answer(command, argv[1:])
    except Locked:
        data = Tick(busy=True)  # a run began meanwhile, and recovers the interrupted one
    except L9Error as error:
        _say(Error.of(error))
        sys.stderr.write(f"l9 {command}: {error.message}; expected {error.expected}, found {error.found}\n")
        return error.exit_code
    _say(data)
    return DRIFT if isinstance(data, DriftReport) and data.drift else 0


def _answer(command: str, arguments: Sequence[str]) -> Answer:
    """Answer one of the timer's commands; a full or read-only disk is an error of the host's, not a bug."""
    try:
        return answer(command, arguments)
    except OSError as error:
        raise refused_by_host(error) from error


def answer(command: str, arguments: Sequence[str]) -> Answer:
    """Answer one of the timer's commands. Raises L9Error."""
    host = found(arguments)
    runs = host_session(host, WHO)
    if command == "tick":
        return queries.tick(runs)
    if command != "drift":
        raise UsageError("no such command of the timer", expected="tick or drift", found=command)
    report = queries.drift(runs)
    with contextlib.suppress(OSError):  # what was found matters more than that somebody looked
        runs.ports.record.note_drift_check(runs.ports.clock.now(), len(report.drift))
    return report


def _say(document: Answer) -> None:
    sys.stdout.write(encode_answer(document).decode() + "\n")
    sys.stdout.flush()
