"""The files of one commit, as they are in git and not as they lie in the working directory."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from l9.drivers.git import commands as git
from l9.drivers.git.environment import QUIET, reason
from l9.errors import ActionError

LINK = "120000"
LONGEST = 1_000_000  # bytes: what is larger is no source file, and nobody reads it


class GitTree:
    """One tree of a repository. Paths are text; bytes that are no UTF-8 are kept as surrogates.

    Every method raises ActionError when git cannot read the tree.
    """

    def __init__(self, top: Path, revision: str) -> None:
        self._top = top
        self._revision = revision
        self._reading = threading.Lock()
        self._entries: dict[str, git.TreeEntry] | None = None

    @property
    def entries(self) -> dict[str, git.TreeEntry]:
        """Every entry by path, submodules and links among them; read once, however many look."""
        with self._reading:
            if self._entries is None:
                out = self._git(git.list_entries(self._revision))
                self._entries = git.parse_entries(os.fsdecode(out))
            return self._entries

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The paths of plain files."""
        return tuple(p for p, e in self.entries.items() if e.kind == "blob" and e.mode != LINK)

    def read(self, paths: Iterable[str], longest: int = LONGEST) -> dict[str, bytes]:
        """The content of these plain files by path, in one process; those over `longest` bytes are left out."""
        known = self.entries
        wanted = [p for p in paths if p in known and known[p].size <= longest]
        wanted = [p for p in wanted if known[p].kind == "blob" and known[p].mode != LINK]
        asked = "".join(f"{known[p].object_id}\n" for p in wanted).encode()
        found = git.parse_objects(self._git(git.read_objects(), asked)) if wanted else []
        return {path: data for path, data in zip(wanted, found, strict=True) if data is not None}

    def text(self, path: str) -> str | None:
        """One file as text, undecodable bytes replaced; None where there is no such plain file."""
        data = self.read((path,)).get(path)
        return None if data is None else data.decode(errors="replace")

    def link(self, path: str) -> str:
        """Where the link at this path leads, as it is written."""
        found = git.parse_objects(self._git(git.read_objects(), f"{self.entries[path].object_id}\n".encode()))
        return os.fsdecode(found[0] or b"")

    def holding(self, pattern: str, *paths: str) -> tuple[str, ...]:
        """The text files in which this extended regular expression finds a line; `paths` are git's pathspecs."""
        out = self._git(git.grep_names(pattern, self._revision, *paths), none=1)
        return git.parse_grep_names(os.fsdecode(out), self._revision)

    def _git(self, argv: git.Argv, data: bytes = b"", *, none: int = 0) -> bytes:
        """Standard output as bytes; `none` is an exit code that only says that nothing was found."""
        done = subprocess.run(
            argv, cwd=self._top, env={**os.environ, **QUIET}, input=data, capture_output=True, check=False
        )
        if done.returncode not in (0, none):
            raise ActionError(
                f"the files of {self._revision} cannot be read",
                expected="a tree",
                found=reason(done.stderr.decode(errors="replace")),
                remedy="git fsck",
            )
        return done.stdout
