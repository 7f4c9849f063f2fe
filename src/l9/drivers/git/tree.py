"""The files of one commit, as they are in git, not in the working directory."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from l9.drivers.git import commands as git
from l9.drivers.git.objects.kept import MANY, KeptAnswers
from l9.drivers.git.objects.store import Objects
from l9.drivers.git.objects.tree_rules import LINK, TreeEntry
from l9.errors import ActionError

_LOOKS_BINARY = 8000  # bytes in which git looks for a NUL
LONGEST = 1_000_000  # bytes: larger files are not read, since they are not sources

T = TypeVar("T")


class GitTree:
    """One tree of a repository. Paths are text; invalid UTF-8 is kept as surrogates.

    Every method raises ActionError if git cannot read the tree.
    """

    def __init__(
        self,
        top: Path,
        revision: str,
        env: Mapping[str, str] | None = None,
        kept: KeptAnswers | None = None,
    ) -> None:
        self._revision = revision
        self._kept = kept
        self._reading = threading.Lock()
        self._id: str | None = None
        self._entries: dict[str, TreeEntry] | None = None
        self.objects = Objects(top, env)

    @property
    def name(self) -> str:
        """The tree's name in messages: the tag's name, or the id."""
        return self._revision.removeprefix("refs/tags/")

    @property
    def id(self) -> str:
        """The tree's id, from its revision, with tags peeled."""
        with self._reading:
            return self._resolved()

    @property
    def known_id(self) -> str | None:
        """The tree's id if it was asked for before."""
        return self._id

    @property
    def entries(self) -> dict[str, TreeEntry]:
        """Every entry by path, including submodules and links; cached."""
        with self._reading:
            if self._entries is None:
                self._entries = self._listed()
            return self._entries

    def entry(self, path: str) -> TreeEntry | None:
        """Return the entry at a path, directories excepted, without listing the tree if it is not listed yet."""
        if not path or "\0" in path or set(path.split("/")) & {"", ".", ".."}:
            return None  # no path in a tree
        with self._reading:
            if self._entries is None:
                out = self._git(git.list_entry(self._resolved(), path))
                found = git.parse_entries(os.fsdecode(out)).get(path)
                return None if found is not None and found.kind == "tree" else found
            return self._entries.get(path)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The paths of plain files."""
        return tuple(p for p, e in self.entries.items() if e.kind == "blob" and e.mode != LINK)

    def read(self, paths: Iterable[str], longest: int = LONGEST) -> dict[str, bytes]:
        """Return the content of these plain files by path, in one process, without those over `longest` bytes."""
        known = self.entries
        return self._contents({p: known[p] for p in paths if p in known and _is_source(known[p], longest)})

    def text(self, path: str) -> str | None:
        """Return one file as text, undecodable bytes replaced, or None if there is no such plain file."""
        entry = self.entry(path)
        if entry is None or not _is_source(entry, LONGEST):
            return None
        return self._contents({path: entry})[path].decode(errors="replace")

    def link(self, path: str) -> str:
        """Return the target of the link at this path, as written."""
        return self.links((path,))[path]

    def links(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the targets of the links at these paths, as written."""
        return {
            path: os.fsdecode(data)
            for path, data in self._contents({p: self.entries[p] for p in paths}).items()
        }

    def holding(self, pattern: str, *paths: str) -> tuple[str, ...]:
        """Return the text files with a line that matches this extended regular expression; `paths` are pathspecs."""
        out = self._git(git.grep_names(pattern, self.id, *paths), none=1)
        return git.parse_grep_names(os.fsdecode(out), self.id)

    def holding_by_name(self, pattern: str, ending: str) -> tuple[str, ...]:
        """Return the text files that `holding` returns for `*ending`; each blob is looked at once.

        The pattern means the same to git grep and to Python. Files over LONGEST bytes may be left out.
        """
        if self._kept is None:
            return self.holding(pattern, f"*{ending}")
        wanted = {path: self.entries[path].object_id for path in self.files if path.endswith(ending)}
        known = self._kept.of(f"lines {pattern}")
        unknown = {path for path, blob in wanted.items() if blob not in known}
        if len(unknown) > MANY:
            found = set(self.holding(pattern, f"*{ending}"))
            known |= {blob: int(path in found) for path, blob in wanted.items()}
        elif unknown:
            holds = re.compile(pattern.encode()).search
            read = self.read(unknown)
            known |= {
                wanted[path]: int(b"\0" not in read[path][:_LOOKS_BINARY] and holds(read[path]) is not None)
                for path in unknown & read.keys()
            }
        if unknown:
            self._kept.keep(f"lines {pattern}", known, wanted.values())
        return tuple(path for path, blob in wanted.items() if known.get(blob))

    def unless_nothing(self, question: str, path: str, look: Callable[[], tuple[T, ...]]) -> tuple[T, ...]:
        """Return what `look` finds in a file; it does not look again where the same content had nothing."""
        entry = self.entry(path)
        if self._kept is None or entry is None:
            return look()
        known = self._kept.of(question)
        if known.get(entry.object_id) == 0:
            return ()
        found = look()
        known[entry.object_id] = len(found)
        self._kept.keep(question, known, (entry.object_id,))
        return found

    def _listed(self) -> dict[str, TreeEntry]:
        """List the tree. Each blob's size is in its object's header: with many loose objects, that takes longest."""
        if self._kept is None:
            return self._list(git.list_entries(self._resolved()))
        found = self._list(git.list_entries(self._resolved(), sizes=False))
        blobs = {entry.object_id for entry in found.values() if entry.kind == "blob"}
        known = self._kept.of("size")
        unknown = blobs - known.keys()
        if len(unknown) > MANY:
            found = self._list(git.list_entries(self._resolved()))
            known |= {entry.object_id: entry.size for entry in found.values() if entry.kind == "blob"}
        elif unknown:
            asked = "".join(f"{blob}\n" for blob in sorted(unknown)).encode()
            known |= git.parse_sizes(self._git(git.read_sizes(), asked))
        if unknown:
            self._kept.keep("size", known, blobs)
        return {path: entry._replace(size=known.get(entry.object_id, 0)) for path, entry in found.items()}

    def _list(self, argv: git.Argv) -> dict[str, TreeEntry]:
        return git.parse_entries(os.fsdecode(self._git(argv)))

    def cannot(self, found: str, remedy: str) -> ActionError:
        """Return the error for a tree that cannot be read or written."""
        return ActionError(
            f"cannot read the files of {self.name}", expected="a tree", found=found, remedy=remedy
        )

    def _contents(self, entries: Mapping[str, TreeEntry]) -> dict[str, bytes]:
        if not entries:
            return {}
        asked = "".join(f"{entry.object_id}\n" for entry in entries.values()).encode()
        found = dict(zip(entries, git.parse_objects(self._git(git.read_objects(), asked)), strict=True))
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
        """Return standard output as bytes; `none` is an exit code for no result."""
        try:
            return self.objects.read(argv, data, none=none)
        except ActionError as error:
            raise self.cannot(error.found, error.remedy) from None


def _is_source(entry: TreeEntry, longest: int) -> bool:
    return entry.kind == "blob" and entry.mode != LINK and entry.size <= longest
