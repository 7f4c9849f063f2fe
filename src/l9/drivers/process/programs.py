"""Run programs as argument vectors, never through a shell: to the end, or line by line.

Every call has a deadline and a limit for the output.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import msgspec

from l9.errors import ActionError

LONG = 3600.0  # seconds, for builds, pulls and test suites
MOST = 64_000_000  # bytes that are kept of each stream
TIMED_OUT = 124  # exit code, as of timeout(1)
_LINE = 65_536  # bytes: longer lines are split
_GRACE = 2.0  # seconds from SIGTERM to SIGKILL
_QUIET = 0.2  # seconds: if streams stay open longer, the ended program left a process behind

Sink = Callable[[bytes], None]


class Done(msgspec.Struct, frozen=True):
    """A program's exit code and output; `raw` is its standard output, or both streams of `stream`.

    truncated: some output was dropped. Undecodable bytes are replaced in `out` and `err`.
    """

    code: int
    raw: bytes = b""
    err: str = ""
    timed_out: bool = False
    truncated: bool = False

    @property
    def out(self) -> str:
        return self.raw.decode(errors="replace")

    def last(self, most: int = 40) -> tuple[str, ...]:
        """Return the last lines of standard error, or of the output if that is empty."""
        return tuple((self.err or self.out).strip().splitlines()[-most:])

    def __repr__(self) -> str:
        return f"Done(code={self.code})"  # the output may be secret


def run(
    argv: tuple[str, ...],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    inherit: bool = True,
    timeout: float = 60.0,
    data: bytes | None = None,
    alone: bool = False,
    most: int = MOST,
) -> Done:
    """Run to the end. `env` is added to our own environment, or replaces it without `inherit`.

    Raises ActionError if the program cannot be run, times out after `timeout` seconds, or prints more than `most`
    bytes. `alone`: without a terminal for prompts.
    """
    out, err = _Kept(most), _Kept(most)
    with _started(argv, cwd, _environ(env, inherit), data, alone=alone or not _has_terminal()) as child:
        assert child.stdout is not None and child.stderr is not None  # noqa: S101, PT018  # pipes
        late = not _ends(child, data or b"", {child.stdout: out, child.stderr: err}, timeout)
    if late:
        raise ActionError(f"{argv[0]} timed out", expected=f"an end within {timeout:g} s", found="none")
    if out.truncated:
        raise ActionError(
            f"{argv[0]} printed too much", expected=f"at most {most} bytes of output", found="more"
        )
    return Done(child.returncode, bytes(out.data), err.data.decode(errors="replace"), truncated=err.truncated)


def run_checked(argv: tuple[str, ...], **how: object) -> str:
    """Run as `run` does; return the standard output. Raises ActionError with the last lines if it fails."""
    done = run(argv, **how)  # type: ignore[arg-type]  # passed on unchanged
    if done.code != 0:
        lines = done.last(20)
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
    inherit: bool = True,
    timeout: float = LONG,
    keep: int = 40,
) -> Done:
    """Run and pass each line of both streams to `say`; the result has the last `keep` lines.

    At the deadline it is stopped, and its exit code is that of timeout(1). No process that it started outlives it,
    unless in a session of its own. Raises ActionError if the program cannot be run.
    """
    lines = _Lines(say, keep)
    with _started(argv, cwd, _environ(env, inherit), None, alone=True, watched=True) as child:
        assert child.stdout is not None  # noqa: S101  # a pipe
        late = not _ends(child, b"", {child.stdout: lines}, timeout)
    lines.end()
    code = child.returncode
    if late:
        code = TIMED_OUT
        lines.tail.append(f"stopped after {timeout:g} s")
    return Done(code, "\n".join(lines.tail).encode(), timed_out=late, truncated=lines.count > keep)


class _Kept:
    """The first `most` bytes of a stream."""

    def __init__(self, most: int) -> None:
        self.data, self.truncated, self._most = bytearray(), False, most

    def __call__(self, chunk: bytes) -> None:
        self.truncated = self.truncated or len(self.data) + len(chunk) > self._most
        self.data += chunk[: self._most - len(self.data)]


class _Lines:
    """Passes on a stream line by line, and keeps the last lines."""

    def __init__(self, say: Callable[[str], None], keep: int) -> None:
        self.tail: deque[str] = deque(maxlen=keep)
        self.count = 0
        self._say, self._begun = say, b""

    def __call__(self, chunk: bytes) -> None:
        *whole, self._begun = (self._begun + chunk).split(b"\n")
        for line in whole:
            self._pass_on(line)
        if len(self._begun) > _LINE:
            self.end()

    def end(self) -> None:
        """Pass on the last line, which may lack its end."""
        if self._begun:
            self._pass_on(self._begun)
            self._begun = b""

    def _pass_on(self, raw: bytes) -> None:
        line = raw.decode(errors="replace").rstrip()
        self.count += 1
        self.tail.append(line)
        self._say(line)


def _environ(env: Mapping[str, str] | None, inherit: bool) -> dict[str, str]:
    return {**(os.environ if inherit else {}), **(env or {})}


def _has_terminal() -> bool:
    """True if a program could prompt: then it must stay in the terminal's foreground group."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


@contextmanager
def _started(
    argv: tuple[str, ...],
    cwd: Path | None,
    env: Mapping[str, str],
    data: bytes | None,
    *,
    alone: bool,
    watched: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the program; it is ended with the context, with its process group if it is `alone`.

    watched: both streams are one, and processes that the program left in its group are ended, too.
    """
    try:
        child = subprocess.Popen(
            argv,
            bufsize=0,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL if data is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if watched else subprocess.PIPE,
            start_new_session=alone,
        )
    except OSError as error:
        raise _cannot_run(argv[0], cwd, error) from None
    try:
        yield child
    finally:
        if child.poll() is None:
            _signal(child, signal.SIGTERM, group=alone)
            with suppress(subprocess.TimeoutExpired):
                child.wait(_GRACE)
            _signal(child, signal.SIGKILL, group=alone)
            child.wait()
        elif watched:
            _signal(child, signal.SIGKILL, group=True)
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe:
                pipe.close()


def _cannot_run(program: str, cwd: Path | None, error: OSError) -> ActionError:
    if cwd is not None and not cwd.is_dir():
        return ActionError(f"{program} cannot be run in {cwd}", expected="a directory", found="none")
    return ActionError(
        f"{program} cannot be run",
        expected=f"a program {program}",
        found=error.strerror or str(error),
        remedy=f"command -v {program}",
    )


def _ends(
    child: subprocess.Popen[bytes], data: bytes, sinks: Mapping[IO[bytes], Sink], timeout: float
) -> bool:
    """Write and read until the program has ended. False at the deadline."""
    until, left = time.monotonic() + timeout, memoryview(data)
    with selectors.DefaultSelector() as pipes:
        for pipe, sink in sinks.items():
            pipes.register(pipe, selectors.EVENT_READ, sink)
        if child.stdin:
            os.set_blocking(child.stdin.fileno(), False)
            pipes.register(child.stdin, selectors.EVENT_WRITE)
        while pipes.get_map():
            if (rest := until - time.monotonic()) <= 0:
                return False
            ready = pipes.select(min(rest, _QUIET))
            if not ready and child.poll() is not None:
                break
            for key, _ in ready:
                if key.data is None:
                    left = _fed(key.fd, left)
                    more = len(left) > 0
                else:
                    chunk = os.read(key.fd, _LINE)
                    key.data(chunk)
                    more = bool(chunk)
                if not more:
                    pipes.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]  # a pipe of the child's, no number
    try:
        child.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _fed(pipe: int, left: memoryview) -> memoryview:
    """Return the rest to be written; nothing if the reader has closed the pipe."""
    try:
        return left[os.write(pipe, left[:_LINE]) :]
    except BrokenPipeError:
        return left[:0]


def _signal(child: subprocess.Popen[bytes], sign: signal.Signals, *, group: bool) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(child.pid, sign)
        else:
            child.send_signal(sign)
