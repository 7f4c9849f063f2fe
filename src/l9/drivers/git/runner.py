"""Run git the same way everywhere: no setting, attribute or variable of the user changes its output.

Settings for reaching origin (credentials, SSH, proxies, other URLs) and for signing still apply.
"""

from __future__ import annotations

import io
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from l9.drivers.git.environment import CALLERS
from l9.drivers.process import programs
from l9.drivers.process.programs import Done
from l9.errors import ActionError

Argv = tuple[str, ...]

MOST = 256_000_000  # bytes of standard output; standard error is truncated
MOST_ERRORS = 64_000
# The caller's GIT_ variables that still apply: access to origin, committer, location of settings.
PASSED = (
    *CALLERS, "GIT_ALLOW_PROTOCOL", "GIT_ASKPASS", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EXEC_PATH", "GIT_PROTOCOL", "GIT_PROXY_COMMAND", "GIT_QUARANTINE_PATH", "GIT_SSH", "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT", "GIT_TEST_ASSUME_DIFFERENT_OWNER",
)  # fmt: skip
PASSED_PREFIXES = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_", "GIT_HTTP_", "GIT_SSL_")
FIXED = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",  # a prompt would hang the run
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    **dict.fromkeys(("GIT_TRACE2", "GIT_TRACE2_EVENT", "GIT_TRACE2_PERF"), "0"),
}
SETTINGS = (
    *(f"color.{what}=false" for what in (
        "ui", "advice", "branch", "diff", "grep", "push", "remote", "status", "transport",
    )),
    "core.fsmonitor=false", "core.quotePath=false", "i18n.commitEncoding=UTF-8", "i18n.logOutputEncoding=UTF-8",
    "log.showSignature=false", "fetch.recurseSubmodules=false", "submodule.recurse=false", "gc.auto=0",
    "maintenance.auto=false", "push.followTags=false", "push.recurseSubmodules=no", "trailer.separators=:",
)  # fmt: skip
NO_HOOKS = f"core.hooksPath={os.devnull}"


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that git is started with; `more` has precedence."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name in PASSED or name.startswith(PASSED_PREFIXES)
    }
    return {**passed, **FIXED, **(more or {})}


def run(
    argv: Argv,
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    data: bytes | None = None,
    alone: bool = False,
    hooks: bool = False,
) -> Done:
    """Run git to the end. Raises ActionError if it is missing, times out, or prints too much.

    env: additional variables. alone: without a terminal for prompts.
    hooks: use the repository's own hooks.
    """
    settings = SETTINGS if hooks else (*SETTINGS, NO_HOOKS)
    program = (argv[0], *(part for each in settings for part in ("-c", each)), *argv[1:])
    return programs.run(
        program,
        cwd=cwd,
        env=environment(env),
        inherit=False,
        timeout=timeout,
        data=data,
        alone=alone,
        most=MOST,
    )


def run_checked(
    argv: Argv,
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    data: bytes | None = None,
) -> str:
    """Run as `run` does; return the standard output. Raises ActionError with the last lines if it fails."""
    done = run(argv, cwd=cwd, env=env, timeout=timeout, data=data)
    if done.code != 0:
        lines = done.last(20)
        raise ActionError(
            f"{' '.join(argv[:3])} failed",
            expected="exit code 0",
            found=f"exit code {done.code}: {lines[-1] if lines else 'no output'}",
            log=lines,
        )
    return done.out


class Process:
    """A running git: `out` is its standard output; `code` and `errors` are set at the end of the context."""

    def __init__(self, out: BinaryIO) -> None:
        self.out = out
        self.code = -1
        self.errors = ""

    def all(self) -> bytes:
        """Read the whole output. Raises ActionError if it is too long."""
        data = self.out.read(MOST + 1)
        if len(data) > MOST:
            raise ActionError("git printed too much", expected=f"at most {MOST} bytes", found="more")
        return data


@contextmanager
def started(
    argv: Argv,
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    data: bytes | None = None,
) -> Iterator[Process]:
    """Start git with exactly these variables and its output as a stream; it ends with the context."""
    with tempfile.TemporaryFile() as errors, _input(data) as given:
        try:
            child = subprocess.Popen(
                argv, cwd=cwd, env=env, stdin=given, stdout=subprocess.PIPE, stderr=errors
            )
        except (FileNotFoundError, NotADirectoryError):
            raise _not_started(cwd) from None
        assert child.stdout is not None  # noqa: S101  # PIPE above
        until = time.monotonic() + timeout
        try:
            process = Process(io.BufferedReader(_Timed(child.stdout.fileno(), until), 1 << 16))
            yield process
            child.stdout.close()
            process.code = child.wait(max(until - time.monotonic(), 0.1))
        except (TimeoutError, subprocess.TimeoutExpired):
            raise ActionError(
                "git timed out", expected=f"an end within {timeout:g} s", found="none"
            ) from None
        finally:
            child.stdout.close()
            if child.poll() is None:
                child.kill()
                child.wait()
        errors.seek(0)
        process.errors = errors.read(MOST_ERRORS).decode(errors="replace")


@contextmanager
def _input(data: bytes | None) -> Iterator[BinaryIO | int]:
    """Provide standard input as a file, so that no write is needed while the output is read."""
    if data is None:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file


class _Timed(io.RawIOBase):
    """A pipe that is read until a deadline: a helper that git started may hold it open."""

    def __init__(self, number: int, until: float) -> None:
        self._number = number
        self._until = until
        self._poll = select.poll()
        self._poll.register(self._number, select.POLLIN | select.POLLHUP)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        left = self._until - time.monotonic()
        if left <= 0 or not self._poll.poll(left * 1000):
            raise TimeoutError
        return os.readv(self._number, [buffer])


def _not_started(cwd: Path) -> ActionError:
    if not cwd.is_dir():
        return ActionError("git cannot be run", expected=f"a directory {cwd}", found="none", remedy="ls")
    return ActionError("git cannot be run", expected="a program git", found="none", remedy="command -v git")
