"""git: the lines that commits add, and the lines of a tree in which a scanner could find something."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from l9.drivers.git.commands import Argv

_HUNK = re.compile(rb"@@ -\S+ \+(\d+)")
_BINARY = re.compile(rb"Binary files (?P<old>.*) and (?P<new>.*) differ$")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
LARGE = 1_000_000  # bytes: git shows a larger file as binary


class Added(NamedTuple):
    """One added line; `path` and `text` are bytes as git has them. A binary file has number 0 and no text."""

    commit: str
    path: bytes
    number: int
    text: bytes


def log_added(commit: str, since: str = "") -> Argv:
    """The patches of all commits after `since` (empty: of the whole history); a merge against its first parent."""
    return (
        "git", "-c", f"core.bigFileThreshold={LARGE}", "-c", "core.quotePath=false", "log", "--format=commit %H",
        "--patch", "--unified=0", "--inter-hunk-context=0", "--diff-merges=first-parent", "--no-renames",
        "--no-color", "--no-ext-diff", "--no-textconv", "--no-show-signature", "--no-notes", "--no-relative",
        "--submodule=short", "--src-prefix=a/", "--dst-prefix=b/", f"{since}..{commit}" if since else commit, "--",
    )  # fmt: skip


def parse_added(lines: Iterable[bytes]) -> Iterator[Added]:
    """Yield the added lines of `log_added`'s output as it arrives."""
    commit, path, number, left = "", b"", 0, 0
    for raw in lines:
        line = raw.removesuffix(b"\n")
        if left:
            # Inside a hunk, every line is content, even if it looks like a header.
            if line[:1] == b"+":
                yield Added(commit, path, number, line[1:])
                number, left = number + 1, left - 1
            continue
        if found := _HUNK.match(line):
            number, left = int(found[1]), _count(line)
        elif line.startswith(b"+++ "):
            path = _name(line[4:])
        elif line.startswith(b"commit "):
            commit = line[7:].decode()
        elif (found := _BINARY.match(line)) and found["new"] != b"/dev/null":
            yield Added(commit, _name(found["new"]), 0, b"")


def _count(hunk: bytes) -> int:
    """The number of lines that a hunk adds: `@@ -1,0 +2,3 @@`."""
    new = hunk.split(b" ", 3)[2]
    return int(new.partition(b",")[2] or b"1")


def _name(shown: bytes) -> bytes:
    """A path of a patch without its prefix and without git's quotes."""
    shown = shown.removesuffix(b"\t")
    if shown.startswith(b'"'):
        shown = _ESCAPE.sub(_unescape, shown[1:-1])
    return shown.removeprefix(b"b/")


def _unescape(found: re.Match[bytes]) -> bytes:
    what = found[1]
    return bytes((int(what, 8),)) if len(what) == 3 else _LETTERS.get(what, what)


def grep_lines(pattern: str, commit: str, without: Iterable[str]) -> Argv:
    """Print the lines of a tree's text files that match this extended regular expression, in any case; exit 1: none."""
    left_out = (f":(exclude,top,literal){path}" for path in without)
    return (
        "git", "grep", "-z", "-n", "-I", "-i", "-E", "--no-color", "--full-name", "-e", pattern, commit,
        "--", ":/", *left_out,
    )  # fmt: skip


def parse_lines(lines: Iterable[bytes], commit: str) -> Iterator[Added]:
    """Yield the lines of `grep_lines`' output as it arrives; their commits are not known."""
    prefix = f"{commit}:".encode()
    begun = b""
    for raw in lines:
        begun += raw
        if begun.count(b"\0") >= 2:  # else the path contains a newline
            path, number, text = begun.removesuffix(b"\n").split(b"\0", 2)
            yield Added("", path.removeprefix(prefix), int(number), text)
            begun = b""
