"""Child processes of the demo: in the foreground, ended with their parent, stopped by pid."""

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
# Loaded here because nothing may be imported between fork and exec.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class PartError(L9Error):
    """A part of the demo (Caddy, PostgreSQL, the load) is not installed, or did not start, answer or stop."""

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
    """Start argv with both outputs appended to log. It gets death_signal when this process dies (Linux).

    account: the uid and gid to run as, without other groups (requires root).
    Linux ends the child with the thread that started it: call this from one that outlives the child.
    Raises PartError if argv cannot be executed.
    """
    parent = os.getpid()

    def before_exec() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != parent:  # it died between fork and prctl
                os._exit(1)

    credentials = {} if account is None else {"user": account, "group": account, "extra_groups": []}
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
                **credentials,  # type: ignore[call-overload]  # one keyword set for both cases
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
    """Send each signal and wait its seconds, in turn, then SIGKILL. Returns the exit code."""
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
    """Return the last lines of a log file; empty if it does not exist."""
    try:
        return tuple(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ()
