"""The raw objects of a repository, read through a repository without settings, attributes and references.

An empty repository has the real one's objects as alternates, so that results depend on nothing else: no
configuration, no `.gitattributes` of the working directory, no `info/attributes`, no `refs/replace`, no grafts.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from l9.drivers.git.environment import reason
from l9.drivers.git.runner import FIXED, Process, run, started
from l9.errors import ActionError

Argv = tuple[str, ...]

PATIENCE = 600.0  # seconds
PASSED = ("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_EXEC_PATH")
NO_SETTINGS = {
    **FIXED,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
}
WHERE = (
    "git", "rev-parse", "--path-format=absolute", "--git-path", "objects", "--git-path", "shallow",
    "--show-object-format",
)  # fmt: skip
_CONFIG = """[core]
    repositoryFormatVersion = 1
    bare = true
    attributesFile = {devnull}
[extensions]
    objectFormat = {format}
"""


class _Where(NamedTuple):
    objects: str
    shallow: str
    object_format: str


class Objects:
    """The objects of the repository at `top`. `env` has additional variables for git to find it."""

    def __init__(self, top: Path, env: Mapping[str, str] | None = None) -> None:
        self._top = top
        self._env = env
        self._empty: tuple[int, str] | None = None
        self._making = threading.Lock()

    def resolve(self, revision: str) -> str:
        """Return the id of a name in the real repository, such as `refs/tags/v1^{tree}`; empty for none."""
        argv = ("git", "rev-parse", "--verify", "--quiet", "--end-of-options", revision)
        done = run(argv, cwd=self._top, env=self._env)
        return done.out.strip() if done.code == 0 else ""

    def read(self, argv: Argv, data: bytes | None = None, *, none: int = 0) -> bytes:
        """Return the output of a git command that only reads objects by id; `none` is an exit code for no result.

        Raises ActionError with git's reason.
        """
        with self.reading(argv, data, none=none) as process:
            return process.all()

    @contextmanager
    def reading(self, argv: Argv, data: bytes | None = None, *, none: int = 0) -> Iterator[Process]:
        """Run as `read` does, with the output as a stream. Errors are raised at the end of the context."""
        where = self._where
        env = {n: value for n, value in os.environ.items() if not n.startswith("GIT_") or n in PASSED}
        env |= {**NO_SETTINGS, "GIT_DIR": self._empty_repository(), "GIT_OBJECT_DIRECTORY": where.objects}
        if os.path.exists(where.shallow):
            env["GIT_SHALLOW_FILE"] = where.shallow
        with started(argv, cwd=self._top, env=env, timeout=PATIENCE, data=data) as process:
            yield process
        if process.code not in (0, none):
            raise ActionError(
                "cannot read the repository's objects",
                expected="readable objects, with none missing",
                found=reason(process.errors),
                remedy=self.remedy,
            )

    @property
    def remedy(self) -> str:
        """The command that helps if objects are missing."""
        argv = ("git", "config", "--get-regexp", r"^remote\..*\.partialclonefilter$")
        partial = run(argv, cwd=self._top, env=self._env).code == 0
        return "git fetch --refetch --no-filter origin" if partial else "git fsck"

    def _empty_repository(self) -> str:
        """Return the path of the empty repository, made once for all commands and removed with this object."""
        with self._making:
            if self._empty is None or self._empty[0] != os.getpid():  # a forked process has one of its own
                name = tempfile.mkdtemp(prefix="l9-git-")
                weakref.finalize(self, _remove, os.getpid(), name)
                _write_empty_repository(Path(name), self._where.object_format)
                self._empty = (os.getpid(), name)
            return self._empty[1]

    @cached_property
    def _where(self) -> _Where:
        done = run(WHERE, cwd=self._top, env=self._env)
        lines = done.out.split("\n")
        if done.code != 0 or len(lines) != 4:
            raise ActionError(
                "cannot read the repository",
                expected=f"a git repository at {self._top}, without a line break in its path",
                found=reason(done.err) if done.code else "a path with a line break",
                remedy="git rev-parse --git-dir",
            )
        return _Where(lines[0], lines[1], lines[2])


def _remove(made_by: int, name: str) -> None:
    if made_by == os.getpid():
        shutil.rmtree(name, ignore_errors=True)


def _write_empty_repository(folder: Path, object_format: str) -> None:
    """Write an empty repository without references, with l9's settings only."""
    (folder / "refs").mkdir()
    (folder / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
    text = _CONFIG.format(devnull=os.devnull, format=object_format)
    (folder / "config").write_text(text, encoding="ascii")
