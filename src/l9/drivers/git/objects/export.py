"""A git tree as files: written from the raw objects, and verified by the tree's id. Both sides use this module.

Files are byte for byte as committed: attributes (`export-ignore`, `export-subst`, `ident`, `filter`,
`working-tree-encoding`, `eol`) and settings (`core.autocrlf`) have no effect. Content that may differ between hosts
(submodules, Git LFS, links out of the tree) is refused by name.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from l9.checks.git.facts import TreeFiles
from l9.drivers.git import commands as git
from l9.drivers.git.objects import tree_rules
from l9.drivers.git.objects.tree_rules import EXECUTABLE, FILE, LINK, Refusal, TreeEntry, mode_of
from l9.drivers.git.tree import GitTree
from l9.errors import ActionError

CHUNK = 1 << 20
_PERMISSIONS = {FILE: 0o644, EXECUTABLE: 0o755}


def export(tree: GitTree, into: Path, *, keep_others: bool = False) -> int:
    """Make a directory equal to this tree; return the number of files written.

    Other files are removed, unless `keep_others`; a file that is already right is not touched,
    since a process may use it. Raises ActionError for a refused tree, and if the result differs from the tree.
    """
    entries = tree.entries
    _refuse(tree)
    into.mkdir(parents=True, exist_ok=True)
    there, others = _compare(into, entries)
    wrong = [path for path in entries if path not in there]
    for path in (*others, *wrong) if not keep_others else wrong:
        _remove(into / path)
    for folder in sorted({up for path in entries for up in _above(path)}):
        _make_folder(into / folder)
    _write(tree, into, [path for path in wrong if entries[path].mode != LINK])
    for path, target in tree.links(path for path in wrong if entries[path].mode == LINK).items():
        os.symlink(target, into / path)
    _verify(tree, into, keep_others=keep_others)
    return len(wrong)


def differences(tree: GitTree, folder: Path, *, keep_others: bool = False) -> tuple[str, ...]:
    """Return the paths at which a directory differs from this tree, sorted; `keep_others`: only paths of the tree."""
    there, others = _compare(folder, tree.entries)
    wrong = [path for path in tree.entries if path not in there]
    return tuple(sorted((*wrong, *(() if keep_others else others))))


def tree_files(tree: GitTree) -> TreeFiles:
    """Return the files of a tree, judged before any is written. Raises ActionError if git cannot read the tree."""
    why = _refusal(tree)
    return TreeFiles(len(tree.entries), why.found, why.remedy) if why else TreeFiles(len(tree.entries))


def _refuse(tree: GitTree) -> None:
    if why := _refusal(tree):
        raise ActionError(
            f"{tree.name} cannot be deployed",
            expected="only plain files, all in the tag",
            found=why.found,
            remedy=why.remedy,
        )


def _refusal(tree: GitTree) -> Refusal | None:
    entries = tree.entries
    if why := tree_rules.refusal(entries):
        return why
    if tree_rules.tree_id(entries, len(tree.id)) != tree.id:
        return Refusal("its entries do not match the tree's id", "git fsck")
    if why := tree_rules.link_out(tree.links(p for p, entry in entries.items() if entry.mode == LINK)):
        return why
    small = tree.read(p for p, entry in entries.items() if entry.size in tree_rules.POINTER_SIZES)
    pointers = (path for path, data in small.items() if tree_rules.is_pointer(data))
    return next(map(tree_rules.pointer, pointers), None)


def _verify(tree: GitTree, folder: Path, *, keep_others: bool) -> None:
    if wrong := differences(tree, folder, keep_others=keep_others):
        raise ActionError(
            f"{folder} is not the tree of {tree.name}",
            expected=f"tree {tree.id[:12]} and nothing else",
            found=f"{len(wrong)} paths differ: {', '.join(wrong[:5])}",
            remedy=f"df {folder}",
        )


# ── what is there ────────────────────────────────────────────────────────────────────────────────


def _compare(folder: Path, entries: Mapping[str, TreeEntry]) -> tuple[set[str], list[str]]:
    """Return the tree's paths that are already right, and the outermost paths that are not in the tree."""
    folders = {up for path in entries for up in _above(path)}
    there: set[str] = set()
    others: list[str] = []
    for path, seen in _scan(str(folder), folders):
        entry = entries.get(path)
        if entry is None:
            if path not in folders or not stat.S_ISDIR(seen.st_mode):
                others.append(path)
        elif _is(os.path.join(folder, path), seen, entry):
            there.add(path)
    return there, others


def _scan(top: str, folders: set[str], below: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Yield everything in a directory, including folders; folders outside the tree are not entered."""
    for found in os.scandir(os.path.join(top, below)):
        path = f"{below}/{found.name}" if below else found.name
        seen = found.stat(follow_symlinks=False)
        yield path, seen
        if path in folders and stat.S_ISDIR(seen.st_mode):
            yield from _scan(top, folders, path)


def _is(path: str, seen: os.stat_result, entry: TreeEntry) -> bool:
    """True if a file matches the tree's entry in kind, permissions and content."""
    mode, digest = mode_of(entry), tree_rules.hasher(entry.size, len(entry.object_id))
    if mode == LINK:
        if not stat.S_ISLNK(seen.st_mode):
            return False
        digest.update(os.fsencode(os.readlink(path)))
    else:
        if not stat.S_ISREG(seen.st_mode) or stat.S_IMODE(seen.st_mode) != _PERMISSIONS[mode]:
            return False
        if seen.st_size != entry.size:
            return False
        with open(path, "rb") as file:
            while data := file.read(CHUNK):
                digest.update(data)
    return bool(digest.hexdigest() == entry.object_id)


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


def _remove(path: Path) -> None:
    """Remove a file, a folder, or a link itself."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Create a folder with the usual permissions; anything else at its path is removed."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        folder.mkdir()
    folder.chmod(0o755)


def _write(tree: GitTree, into: Path, paths: list[str]) -> None:
    """Write these files; each content is read once, with one process."""
    if not paths:
        return
    entries = tree.entries
    asked = "".join(f"{entries[path].object_id}\n" for path in paths).encode()
    with tree.objects.reading(git.read_objects(), asked) as process:
        for path in paths:
            header = process.out.readline().split()
            if len(header) != 3:
                raise tree.cannot(f"{path} is not in this clone", tree.objects.remedy)
            size = int(header[2])
            with _created(into / path, _PERMISSIONS[mode_of(entries[path])]) as file:
                _copy(process.out, file, size)
            process.out.read(1)  # the line end after an object


def _created(path: Path, mode: int) -> Any:
    """Create a new file for writing."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    os.fchmod(number, mode)
    return os.fdopen(number, "wb")


def _copy(source: BinaryIO, file: BinaryIO, size: int) -> None:
    while size and (data := source.read(min(size, CHUNK))):
        file.write(data)
        size -= len(data)


def _above(path: str) -> Iterable[str]:
    """Return the folders that contain a path, the outermost first."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]
