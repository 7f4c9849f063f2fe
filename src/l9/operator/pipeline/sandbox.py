"""The protocol of the sandboxes that run the stages of CGMP, and the cleanup after a crash that they share."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from l9.checks.environment.env_file import parse_env
from l9.core.ports import Say
from l9.drivers.docker import compose_commands as compose
from l9.drivers.process import proc
from l9.drivers.process.programs import Done

PREFIX = "l9-cgmp-"
TAIL = 40


class Served(msgspec.Struct, frozen=True):
    """The started release. `secret` returns a value of its environment, `tail` the last lines of its log.

    `ended` returns how it exited, None while it runs.
    """

    url: str
    secret: Callable[[str], str | None]
    tail: Callable[[], tuple[str, ...]]
    ended: Callable[[], str | None]


class Sandbox(Protocol):
    """The place where stages run. `tree` and `evidence` are the two folders as a command sees them."""

    where: str
    evidence: str
    python: str

    @property
    def tree(self) -> str: ...

    def run(self, argv: tuple[str, ...], say: Say, timeout: float) -> Done:
        """Run a command in the release's tree. Raises ActionError if it cannot be started."""
        ...

    def typed(self, argv: tuple[str, ...]) -> str:
        """Return the command that repeats this one by hand."""
        ...

    def starts(self) -> str:
        """Return the command that starts the release by hand."""
        ...

    def image(self, say: Say) -> str | None:
        """Return the id of the released image, built if necessary; None if there is none."""
        ...

    def freeze(self, say: Say) -> tuple[str, ...] | None:
        """Return the packages installed in that image; None if there is no image, or no Python in it."""
        ...

    def serving(self, say: Say) -> AbstractContextManager[Served]:
        """Start the release and its services; remove both on exit."""
        ...

    def close(self) -> None:
        """Remove everything that was created."""
        ...


class OwnEnv:
    """The test environment of a release: `.env.example`, then `.env.local`, then the settings.

    `secrets` are the values that must not be printed.
    """

    def __init__(self, tree: Path, example: str, local: Path, more: Mapping[str, str]) -> None:
        self.values: dict[str, str] = {}
        for path in (tree / example, local):
            with contextlib.suppress(OSError):
                text = path.read_text(encoding="utf-8", errors="replace")
                self.values |= {e.key: e.value.reveal() for e in parse_env(text).entries}
        self.values |= more
        self.secrets = compose.secret_values(self.values.items())

    def hidden(self, lines: Iterable[str]) -> tuple[str, ...]:
        """Return a program's output with the secret values replaced."""
        return compose.without_values("\n".join(lines), self.secrets)


def owner() -> str:
    """Return the id of this process, which marks everything it creates."""
    return f"{os.getpid()}-{proc.birth(os.getpid())}"


def gone(name: str) -> bool:
    """True if the process with that id has ended; False if the name is no such id."""
    pid, _, birth = name.partition("-")
    return pid.isdigit() and birth.isdigit() and not proc.alive(int(pid), int(birth))


@contextmanager
def workplace() -> Iterator[Path]:
    """Create a folder for this process and remove it at the end; first remove those of crashed processes."""
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if gone(old.name.removeprefix(PREFIX).rpartition("-")[0]) and old.stat().st_uid == os.getuid():
            _end_server(old)
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{owner()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


SERVER = "server"  # in a workplace: pid and birth of the release that was started there


def _end_server(folder: Path) -> None:
    """Kill the release that a crashed process started there, with all its children."""
    with contextlib.suppress(OSError, ValueError):
        pid, birth = map(int, (folder / SERVER).read_text(encoding="ascii").split())
        if proc.alive(pid, birth):
            os.killpg(pid, signal.SIGKILL)


def noted(say: Say, log: Path) -> Say:
    """Wrap `say` to append each line to a log file that only its owner may read."""
    log.touch(mode=0o600)

    def note(line: str) -> None:
        with log.open("a", encoding="utf-8", errors="replace") as out:
            out.write(f"{line}\n")
        say(line)

    return note


def end_group(pid: int) -> None:
    """Send SIGKILL to a process group, if it still exists."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
