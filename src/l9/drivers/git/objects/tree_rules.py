"""Rules for trees that can be written as files, and a tree's id from its entries."""

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
    """One entry of a tree. `kind` is blob, or commit for a submodule; `size` is in bytes."""

    mode: str
    kind: str
    object_id: str
    size: int


class Refusal(NamedTuple):
    """The reason why a tree is refused, and the command that helps."""

    found: str
    remedy: str


def refusal(entries: Mapping[str, TreeEntry]) -> Refusal | None:
    """Return the first entry that is not a plain file, or may differ between hosts; None if there is none."""
    for path, entry in entries.items():
        parts = path.split("/")
        if entry.kind != "blob":
            return Refusal(f"{path} is a submodule: its files are not in the tag", _remove(path))
        if parts[0] == OWN:
            return Refusal(f"{path}: {OWN}/ is reserved for l9 on the host", _remove(OWN))
        if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
            return Refusal(f"{path!r} is not a valid path in a working directory", "git fsck")
        if above := next((up for up in _above(parts) if up in entries), None):
            return Refusal(f"{above} is both a file and a folder", "git fsck")
    return None


def pointer(path: str) -> Refusal:
    """Return the refusal of a file whose content is in Git LFS."""
    found = f"{path} is a Git LFS pointer: its content is not in the tag"
    return Refusal(found, f"git lfs migrate export --include={quote(path)} --everything")


def is_pointer(data: bytes) -> bool:
    """True if these bytes are a Git LFS pointer."""
    return len(data) in POINTER_SIZES and POINTER.match(data) is not None


def link_out(links: Mapping[str, str]) -> Refusal | None:
    """Return the refusal of the first link (path to target) that leads out of the tree, or None."""
    for path, target in links.items():
        if _leads_out(links, path):
            return Refusal(f"{path} is a symbolic link out of the tree, to {target}", _remove(path))
    return None


def _leads_out(links: Mapping[str, str], path: str) -> bool:
    """True if a link, followed through all others, leads out of the tree. A cycle stays inside."""
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
    """Return the mode of the entry's file. Trees of old gits contain others, such as 100664."""
    if entry.mode == LINK:
        return LINK
    return EXECUTABLE if int(entry.mode, 8) & 0o100 else FILE


def hasher(size: int, length: int, kind: str = "blob") -> Any:
    """Return a hash that yields the id of an object of that size once its bytes are added; `length` is that of ids."""
    found = hashlib.new(ALGORITHMS[length], usedforsecurity=False)
    found.update(f"{kind} {size}\0".encode())
    return found


def tree_id(entries: Mapping[str, TreeEntry], length: int) -> str:
    """Return the id of the tree with these entries, by path."""
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
    """Return a row with its sort key: git sorts a folder as if its name ended in a slash."""
    raw = name.encode(errors="surrogateescape")
    row = f"{mode.lstrip('0')} ".encode() + raw + b"\0" + bytes.fromhex(object_id)
    return (raw + b"/" if mode == "40000" else raw), row


def _hash_tree(rows: Iterable[tuple[bytes, bytes]], length: int) -> str:
    data = b"".join(row for _, row in sorted(rows))
    found = hasher(len(data), length, "tree")
    found.update(data)
    return str(found.hexdigest())


def _above(parts: list[str]) -> list[str]:
    """Return the folders that contain a path, the outermost first."""
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def _remove(path: str) -> str:
    return f"git rm -r --cached {quote(path)}"
