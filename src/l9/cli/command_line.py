"""Reads the raw command line, for errors printed outside the command's own parsing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import pairwise

_NO_TARGET = {"init", "graph", "demo", "schema", "agent", "--help", "--version", "--target"}


def wants_json(argv: Sequence[str]) -> bool:
    """True if a command line asks for JSON. Does not need it parsed: a usage error is printed before that."""
    options = list(argv)[: argv.index("--")] if "--" in argv else list(argv)
    return "--json" in options or "--progress=json" in options or ("--progress", "json") in pairwise(options)


def for_target(command: str, argv: Sequence[str]) -> str:
    """Add the failed command's --target to a remedy that is an l9 command; return any other unchanged."""
    words = command.split()
    if words[:1] != ["l9"] or _NO_TARGET & set(words):
        return command
    for option, value in zip(argv, [*argv[1:], ""], strict=False):
        if option == "--" or (option == "--target" and not value):
            break
        if option == "--target":
            return f"{command} --target {shlex.quote(value)}"
        if option.startswith("--target="):
            return f"{command} --target {shlex.quote(option.removeprefix('--target='))}"
    return command
