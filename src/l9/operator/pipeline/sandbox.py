"""What the two sandboxes have in common: where the stages of CGMP run, and what they leave behind after a crash."""

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
    """The started release. `secret` gives a value of its environment; `tail` the last lines of its log.

    `ended`: how it ended by itself, None while it runs.
    """

    url: str
    secret: Callable[[str], str | None]
    tail: Callable[[], tuple[str, ...]]
    ended: Callable[[], str | None]


class Sandbox(Protocol):
    """Where stages run. `tree` and `evidence` are these two folders as a command finds them."""

    where: str
    evidence: str
    python: str

    @property
    def tree(self) -> str: ...

    def run(self, argv: tuple[str, ...], say: Say, timeout: float) -> Done:
        """Run a command in the release's tree. Raises ActionError when it cannot be run at all."""
        ...

    def typed(self, argv: tuple[str, ...]) -> str:
        """The command that repeats this one by hand."""
        ...

    def starts(self) -> str:
        """The command that starts the release by hand."""
        ...

    def image(self, say: Say) -> str | None:
        """The id of the image that is released, built if need be; None where there is none."""
        ...

    def freeze(self, say: Say) -> tuple[str, ...] | None:
        """What is installed in that image; None where there is no image, or no Python in it."""
        ...

    def serving(self, say: Say) -> AbstractContextManager[Served]:
        """The release, started for a while with its services; nothing of it is left afterwards."""
        ...

    def close(self) -> None:
        """Remove all that was made."""
        ...


class OwnEnv:
    """The environment of a release that is tried out: `.env.example`, `.env.local` over it, and the settings'.

    `secrets` are those of its values that must not be shown.
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
        """What a program printed, without the values that must not be shown."""
        return compose.without_values("\n".join(lines), self.secrets)


def owner() -> str:
    """The word for this process: what it leaves behind is known by it."""
    return f"{os.getpid()}-{proc.birth(os.getpid())}"


def gone(name: str) -> bool:
    """Whether the process of that word has ended; what is no such word is nobody's to remove."""
    pid, _, birth = name.partition("-")
    return pid.isdigit() and birth.isdigit() and not proc.alive(int(pid), int(birth))


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder of this process's own, that is removed at the end; those of crashed ones are removed first."""
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
    """End the release that a crashed process had started there, and all of its children."""
    with contextlib.suppress(OSError, ValueError):
        pid, birth = map(int, (folder / SERVER).read_text(encoding="ascii").split())
        if proc.alive(pid, birth):
            os.killpg(pid, signal.SIGKILL)


def noted(say: Say, log: Path) -> Say:
    """Keep all lines in a file too, which only its owner may read."""
    log.touch(mode=0o600)

    def note(line: str) -> None:
        with log.open("a", encoding="utf-8", errors="replace") as out:
            out.write(f"{line}\n")
        say(line)

    return note


def end_group(pid: int) -> None:
    """SIGKILL to a whole process group, if there still is one."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
