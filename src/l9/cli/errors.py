"""Errors as people and machines see them: message, expected, found, and the next command to type."""

from __future__ import annotations

import errno
import os
import shlex
import sys
import traceback

import click
from msgspec.structs import replace

from l9.cli.command_line import for_target, wants_json
from l9.cli.commands import COMMANDS
from l9.cli.plain_text import json_line, printable
from l9.errors import ActionError, Interrupted, L9Error, UsageError, named
from l9.protocol.answers.error import Error


def show_error(error: L9Error | Error) -> int:
    """Print an error, ours or the agent's. Returns its exit code."""
    argv = sys.argv[1:]
    answer = Error.of(error) if isinstance(error, L9Error) else error
    remedies = tuple(replace(r, command=for_target(r.command, argv)) for r in answer.remedy)
    if wants_json(argv):
        sys.stdout.write(json_line(replace(answer, remedy=remedies)))
        return answer.exit_code
    lines = [f"✘ {answer.message}"]
    for evidence in answer.evidence:
        lines += [f"  expected  {evidence.expected}"] if evidence.expected else []
        lines += [f"  found     {evidence.observed}"] if evidence.observed else []
    lines += [f"  | {line}" for line in answer.log[-10:]]
    lines += [f"  next      {r.command}" + (f"  # {r.when}" if r.when else "") for r in remedies]
    sys.stderr.write("\n".join(map(printable, lines)) + "\n")
    return answer.exit_code


def show_usage(error: click.ClickException) -> int:
    """Print click's error about the command line in l9's form."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and not wants_json(sys.argv[1:]):
        sys.stderr.write(error.format_message() + "\n")
        return UsageError.exit_code
    named = next((word for word in sys.argv[1:] if word in COMMANDS), None)
    what = error.format_message().splitlines()[0]
    ours = UsageError(
        what.rstrip(".") if what else "invalid command line",
        expected="a command line as --help describes it",
        found=shlex.join(("l9", *sys.argv[1:])),
        remedy=f"l9 {named} --help" if named else "l9 --help",
    )
    return show_error(ours)


def show_interrupted() -> int:
    """Print that Ctrl-C ended a read-only command, or a run before its part on the host."""
    ours = Interrupted(
        "interrupted before anything was started on the host",
        expected="the command to finish",
        found="Ctrl-C",
        remedy="l9 status",
    )
    if not wants_json(sys.argv[1:]):
        sys.stderr.write("\n")
    return show_error(replace(Error.of(ours), changed=False))


def as_refusal(error: OSError) -> L9Error | None:
    """Convert an error of the file system (disk full, not a file) that is no bug in l9; None for any other."""
    if not error.filename and error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS):
        return None
    where = os.path.dirname(os.path.abspath(os.fsdecode(error.filename))) if error.filename else "."
    return ActionError(
        "a file operation failed on this machine",
        expected="files that can be read and written",
        found=str(error),
        remedy=shlex.join(("df", "-h", where)),
    )


def show_bug(error: Exception) -> int:
    """Print a bug in l9, with its traceback, which holds no variable's value."""
    traceback.print_exc()
    ours = L9Error(
        "a bug in l9; a run on the host continues",
        expected="a result, or an error with a next command",
        found=named(error),
        remedy="l9 status",
    )
    return show_error(ours)
