"""Asks a secret store's program for one value. Nothing that it prints on standard output is ever told."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from l9.checks.environment.env_file import Secret
from l9.drivers.process.programs import run
from l9.errors import ActionError

PATIENCE = 120.0  # seconds: a person may have to touch a key or a finger reader first


def ask(argv: tuple[str, ...], cwd: Path, *, data: bytes | None = None, tells_why: bool = True) -> Secret:
    """What the program prints, as text.

    Raises ActionError when it fails, with the first line of its standard error if it `tells_why` there: a
    program of the user's own may print anything.
    """
    done = run(argv, cwd=cwd, data=data, timeout=PATIENCE)
    if done.code != 0:
        said = [line.strip() for line in done.err.splitlines() if line.strip()]
        why = f": {said[0]}" if said and tells_why else ""
        raise refusal(argv[0], f"exit code {done.code}{why}", shlex.join(argv))
    printed = Secret(done.out)
    if "\ufffd" in done.out or not printed.is_text():
        raise refusal(argv[0], "what is no text", shlex.join(argv))
    return printed


def refusal(program: str, found: str, remedy: str) -> ActionError:
    """The error of a value that cannot be had."""
    return ActionError(
        f"{program} gave no value", expected=f"a value from {program}", found=found, remedy=remedy
    )


Read = Callable[[str], bytes | None]
"""The bytes of one file of the release, None where there is none."""
