"""A child process of the demo: in the foreground, ended with its parent, stopped by its own pid."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from l9.errors import L9Error

NOBODY = 65534
_PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec nothing may be imported.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class PartError(L9Error):
    """A part of the demo (Caddy, PostgreSQL, the load) is missing, or did not start, answer or stop."""

    code = "DEMO_PART"
    exit_code = 2


def spawn(
    argv: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: int | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start argv with both its outputs appended to log; it gets death_signal when we die (Linux).

    account: run as this uid and gid, with no other groups (only root may ask for it).
    Linux ends the child with the THREAD that started it: call this from one that outlives the child.
    Raises PartError when argv cannot be executed at all.
    """
    ours = os.getpid()

    def before_exec() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != ours:  # we died between fork and prctl
                os._exit(1)

    who = {} if account is None else {"user": account, "group": account, "extra_groups": []}
    with log.open("ab") as output:
        try:
            started: subprocess.Popen[bytes] = subprocess.Popen(
                [str(part) for part in argv],
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                preexec_fn=before_exec,  # noqa: PLW1509 - prctl only, loaded before the fork
                **who,  # type: ignore[call-overload]  # one keyword set for both cases
            )
            return started
        except OSError as error:
            raise PartError(
                f"{Path(str(argv[0])).name} cannot be started",
                expected=f"an executable {argv[0]}" + (f" for uid {account}" if account is not None else ""),
                found=str(error),
                remedy="pip install --force-reinstall 'l9[demo]'",
            ) from error


def end(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> int:
    """Send each signal and wait its seconds, in turn, then SIGKILL; the exit code. Harmless when it ended."""
    for number, seconds in steps:
        if process.poll() is not None:
            break
        process.send_signal(number)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        process.kill()
    return process.wait()


def tail(log: Path, lines: int = 12) -> tuple[str, ...]:
    """The last lines of a log file; empty when there is none."""
    try:
        return tuple(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ()
