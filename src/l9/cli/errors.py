"""Errors as people and machines see them: what, expected, found, and the next command to type."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

import click

from l9.errors import SCHEMA, UsageError


def show_error(envelope: dict[str, Any], code: int) -> int:
    """Print an error's envelope; the exit code."""
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps(envelope) + "\n")
        return code
    sys.stderr.write(f"✘ {envelope['message']}\n")
    for evidence in envelope.get("evidence", []):
        if evidence.get("expected"):
            sys.stderr.write(f"  expected  {evidence['expected']}\n")
        if evidence.get("observed"):
            sys.stderr.write(f"  found     {evidence['observed']}\n")
    for line in envelope.get("log", [])[-10:]:
        sys.stderr.write(f"  | {line}\n")
    for remedy in envelope.get("remedy", []):
        sys.stderr.write(f"  next      {remedy['command']}\n")
    return code


def show_usage(error: click.ClickException) -> int:
    """Click's own complaint about the command line, in our form."""
    context = getattr(error, "ctx", None)
    remedy = f"{context.command_path} --help" if context else "l9 --help"
    ours = UsageError(error.format_message(), expected="a command as the help describes it", remedy=remedy)
    return show_error(ours.envelope(), ours.exit_code)


def show_bug(error: Exception) -> int:
    """A bug in l9: the traceback is for us, and holds no value of any variable."""
    if "--json" in sys.argv:
        found = [{"expected": "", "observed": repr(error)}]
        document = {"schema": SCHEMA, "code": "BUG", "message": "a bug in l9", "evidence": found}
        sys.stdout.write(json.dumps(document) + "\n")
    traceback.print_exc()
    sys.stderr.write("✘ this is a bug in l9; production is as it was, see: l9 status\n")
    return 1
