"""Programs run as argument vectors, never through a shell."""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from l9.errors import ActionError


class Done(msgspec.Struct, frozen=True):
    """What a finished program said. `out` and `err` are text with undecodable bytes replaced."""

    code: int
    out: str
    err: str


def run(
    argv: tuple[str, ...],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    data: bytes | None = None,
    alone: bool = False,
) -> Done:
    """Run to the end. `env` is added to our own. Raises ActionError when the program is missing or too slow.

    `alone`: in a session of its own, so that it finds no terminal to ask a person on.
    """
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            timeout=timeout,
            check=False,
            start_new_session=alone,
        )
    except FileNotFoundError:
        raise ActionError(
            f"{argv[0]} cannot be run",
            expected=f"a program {argv[0]}",
            found="none",
            remedy=f"command -v {argv[0]}",
        ) from None
    except subprocess.TimeoutExpired:
        raise ActionError(
            f"{argv[0]} took too long", expected=f"an end within {timeout:g} s", found="none"
        ) from None
    return Done(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def run_checked(argv: tuple[str, ...], **how: object) -> str:
    """As `run`; the standard output. Raises ActionError with the last lines when the exit code is not 0."""
    done = run(argv, **how)  # type: ignore[arg-type]  # passed on as it came
    if done.code != 0:
        lines = tuple((done.err or done.out).strip().splitlines()[-20:])
        raise ActionError(
            f"{' '.join(argv[:3])} failed",
            expected="exit code 0",
            found=f"exit code {done.code}: {lines[-1] if lines else 'no output'}",
            log=lines,
        )
    return done.out


def stream(
    argv: tuple[str, ...],
    say: Callable[[str], None],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    keep: int = 40,
) -> tuple[int, tuple[str, ...]]:
    """Run and pass each line of both streams to `say`; the exit code and the last `keep` lines."""
    tail: deque[str] = deque(maxlen=keep)
    try:
        child = subprocess.Popen(
            argv,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except FileNotFoundError:
        raise ActionError(
            f"{argv[0]} cannot be run",
            expected=f"a program {argv[0]}",
            found="none",
            remedy=f"command -v {argv[0]}",
        ) from None
    with child:
        assert child.stdout is not None  # noqa: S101  # PIPE above
        for raw in child.stdout:
            line = raw.decode(errors="replace").rstrip()
            tail.append(line)
            say(line)
    return child.returncode, tuple(tail)
