"""What of a tree can be written as files, and the id of a tree from its entries."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from shlex import quote
from typing import Any, NamedTuple

FILE, EXECUTABLE, LINK, SUBMODULE = "100644", "100755", "120000", "160000"
OWN = ".l9"  # l9's own directory in a host's checkout
ALGORITHMS = {40: "sha1", 64: "sha256"}  # by an id's length
POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v\d+\n(?:.*\n)*?oid sha256:[0-9a-f]{64}\n")
POINTER_SIZES = range(100, 1024)  # bytes; less than 1024 by the specification of Git LFS
_MOST_STEPS = 1000


class TreeEntry(NamedTuple):
    """One entry of a tree: `kind` is blob, or commit for a submodule; `size` in bytes."""

    mode: str
    kind: str
    object_id: str
    size: int


class Refusal(NamedTuple):
    """Why a tree is not deployed, and the command that helps."""

    found: str
    remedy: str


def refusal(entries: Mapping[str, TreeEntry]) -> Refusal | None:
    """What of a tree would be no file of the release, or not the same one everywhere; None for nothing."""
    for path, entry in entries.items():
        parts = path.split("/")
        if entry.kind != "blob":
            return Refusal(f"{path} is a submodule, whose files no tag has", _remove(path))
        if parts[0] == OWN:
            return Refusal(f"{path}: {OWN}/ is l9's own directory on the host", _remove(OWN))
        if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
            return Refusal(f"{path!r} is no path of a working directory", "git fsck")
        if above := next((up for up in _above(parts) if up in entries), None):
            return Refusal(f"{above} is both a file and a folder", "git fsck")
    return None


def pointer(path: str) -> Refusal:
    """The refusal of a file that Git LFS has taken out of the repository."""
    found = f"{path} is a Git LFS pointer: its content is not in the tag"
    return Refusal(found, f"git lfs migrate export --include={quote(path)} --everything")


def is_pointer(data: bytes) -> bool:
    """Whether these bytes are a Git LFS pointer."""
    return len(data) in POINTER_SIZES and POINTER.match(data) is not None


def link_out(links: Mapping[str, str]) -> Refusal | None:
    """The first of a tree's links (path to what is written in it) that leads out of the tree; None for none."""
    for path, target in links.items():
        if _leads_out(links, path):
            return Refusal(f"{path} is a link out of the tree, to {target}", _remove(path))
    return None


def _leads_out(links: Mapping[str, str], path: str) -> bool:
    """Follow a link from the top, through every other link. One that leads round in a circle stays inside."""
    todo, at = path.split("/")[::-1], list[str]()
    for _ in range(_MOST_STEPS):
        if not todo:
            return False
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not at:
                return True
            at.pop()
            continue
        at.append(part)
        target = links.get("/".join(at))
        if target is not None:
            if target.startswith("/"):
                return True
            at.pop()
            todo += target.split("/")[::-1]
    return False


def mode_of(entry: TreeEntry) -> str:
    """The mode that a file of that entry has. Trees of old gits hold others, such as 100664."""
    if entry.mode == LINK:
        return LINK
    return EXECUTABLE if int(entry.mode, 8) & 0o100 else FILE


def hasher(size: int, length: int, kind: str = "blob") -> Any:
    """A hash that gives the id of an object of that size, once its bytes are added; `length` is that of ids."""
    found = hashlib.new(ALGORITHMS[length], usedforsecurity=False)
    found.update(f"{kind} {size}\0".encode())
    return found


def tree_id(entries: Mapping[str, TreeEntry], length: int) -> str:
    """The id of the tree with these entries, by path."""
    folders: dict[str, list[tuple[bytes, bytes]]] = {"": []}
    for path, entry in entries.items():
        for up in ("", *_above(path.split("/"))):
            folders.setdefault(up, [])
        folder, _, name = path.rpartition("/")
        folders[folder].append(_row(name, entry.mode, entry.object_id))
    for path in sorted(folders, key=lambda one: one.count("/"), reverse=True):
        if path:
            folder, _, name = path.rpartition("/")
            folders[folder].append(_row(name, "40000", _hash_tree(folders[path], length)))
    return _hash_tree(folders[""], length)


def _row(name: str, mode: str, object_id: str) -> tuple[bytes, bytes]:
    """What a row is sorted by, and the row: git sorts a folder as if its name ended in a slash."""
    raw = name.encode(errors="surrogateescape")
    row = f"{mode.lstrip('0')} ".encode() + raw + b"\0" + bytes.fromhex(object_id)
    return (raw + b"/" if mode == "40000" else raw), row


def _hash_tree(rows: Iterable[tuple[bytes, bytes]], length: int) -> str:
    data = b"".join(row for _, row in sorted(rows))
    found = hasher(len(data), length, "tree")
    found.update(data)
    return str(found.hexdigest())


def _above(parts: list[str]) -> list[str]:
    """The folders that a path lies in, the outermost first."""
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def _remove(path: str) -> str:
    return f"git rm -r --cached {quote(path)}"
