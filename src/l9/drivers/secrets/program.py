"""Run a secret store's program for one value. Its standard output is never shown."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from l9.checks.environment.env_file import Secret
from l9.drivers.process.programs import run
from l9.errors import ActionError

PATIENCE = 120.0  # seconds: a person may have to touch a key or a fingerprint reader


def ask(argv: tuple[str, ...], cwd: Path, *, data: bytes | None = None, tells_why: bool = True) -> Secret:
    """Return the program's output as a secret.

    Raises ActionError if it fails, with the first line of its standard error if it `tells_why` there: a
    user's own program may print anything.
    """
    done = run(argv, cwd=cwd, data=data, timeout=PATIENCE)
    if done.code != 0:
        lines = [line.strip() for line in done.err.splitlines() if line.strip()]
        why = f": {lines[0]}" if lines and tells_why else ""
        raise refusal(argv[0], f"exit code {done.code}{why}", shlex.join(argv))
    printed = Secret(done.out)
    if "\ufffd" in done.out or not printed.is_text():
        raise refusal(argv[0], "output that is not text", shlex.join(argv))
    return printed


def refusal(program: str, found: str, remedy: str) -> ActionError:
    """Return the error for a value that could not be read."""
    return ActionError(
        f"{program} returned no value", expected=f"a value from {program}", found=found, remedy=remedy
    )


Read = Callable[[str], bytes | None]
"""Returns the bytes of one file of the release, or None."""
