"""What the command line itself says, for errors that are told before or after anybody has parsed it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import pairwise

_NO_TARGET = {"init", "graph", "demo", "schema", "agent", "--help", "--version", "--target"}


def wants_json(argv: Sequence[str]) -> bool:
    """Whether a command line asks for JSON; a usage error is told before anybody has parsed it."""
    options = list(argv)[: argv.index("--")] if "--" in argv else list(argv)
    return "--json" in options or "--progress=json" in options or ("--progress", "json") in pairwise(options)


def for_target(command: str, argv: Sequence[str]) -> str:
    """A remedy of l9's own, for the target that the failed command was for; any other as it is."""
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
