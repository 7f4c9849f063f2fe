"""The files of one commit, as they are in git and not as they lie in the working directory."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from l9.drivers.git import commands as git
from l9.drivers.git.objects.store import Objects
from l9.drivers.git.objects.tree_rules import LINK, TreeEntry
from l9.errors import ActionError

LONGEST = 1_000_000  # bytes: what is larger is no source file, and nobody reads it


class GitTree:
    """One tree of a repository. Paths are text; bytes that are no UTF-8 are kept as surrogates.

    Every method raises ActionError when git cannot read the tree.
    """

    def __init__(self, top: Path, revision: str, env: Mapping[str, str] | None = None) -> None:
        self._revision = revision
        self._reading = threading.Lock()
        self._id: str | None = None
        self._entries: dict[str, TreeEntry] | None = None
        self.objects = Objects(top, env)

    @property
    def name(self) -> str:
        """The tree for people: the tag's name, or the id."""
        return self._revision.removeprefix("refs/tags/")

    @property
    def id(self) -> str:
        """The tree's id: what its revision stands for, tags peeled until they are a commit."""
        with self._reading:
            return self._resolved()

    @property
    def entries(self) -> dict[str, TreeEntry]:
        """Every entry by path, submodules and links among them; read once, however many look."""
        with self._reading:
            if self._entries is None:
                out = self._git(git.list_entries(self._resolved()))
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
        return self._contents(wanted)

    def text(self, path: str) -> str | None:
        """One file as text, undecodable bytes replaced; None where there is no such plain file."""
        data = self.read((path,)).get(path)
        return None if data is None else data.decode(errors="replace")

    def link(self, path: str) -> str:
        """Where the link at this path leads, as it is written."""
        return self.links((path,))[path]

    def links(self, paths: Iterable[str]) -> dict[str, str]:
        """Where the links at these paths lead, as it is written."""
        return {path: os.fsdecode(data) for path, data in self._contents(list(paths)).items()}

    def holding(self, pattern: str, *paths: str) -> tuple[str, ...]:
        """The text files in which this extended regular expression finds a line; `paths` are git's pathspecs."""
        out = self._git(git.grep_names(pattern, self.id, *paths), none=1)
        return git.parse_grep_names(os.fsdecode(out), self.id)

    def cannot(self, found: str, remedy: str) -> ActionError:
        """The error for a tree that cannot be read or written."""
        return ActionError(
            f"the files of {self.name} cannot be read", expected="a tree", found=found, remedy=remedy
        )

    def _contents(self, paths: list[str]) -> dict[str, bytes]:
        if not paths:
            return {}
        asked = "".join(f"{self.entries[path].object_id}\n" for path in paths).encode()
        found = dict(zip(paths, git.parse_objects(self._git(git.read_objects(), asked)), strict=True))
        if missing := [path for path, data in found.items() if data is None]:
            raise self.cannot(f"{missing[0]} is not in this clone", self.objects.remedy)
        return {path: data for path, data in found.items() if data is not None}

    def _resolved(self) -> str:
        if self._id is None:
            found = self.objects.resolve(f"{self._revision}^{{tree}}")
            if not found:
                if self._revision == "HEAD":
                    raise self.cannot("no commit yet", "git commit")
                raise self.cannot(f"no commit {self.name} here", "git fetch --tags origin")
            self._id = found
        return self._id

    def _git(self, argv: git.Argv, data: bytes | None = None, *, none: int = 0) -> bytes:
        """Standard output as bytes; `none` is an exit code that only says that nothing was found."""
        try:
            return self.objects.read(argv, data, none=none)
        except ActionError as error:
            raise self.cannot(error.found, error.remedy) from None
