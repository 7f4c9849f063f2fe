"""git, about hooks and about what is staged: argument vectors, parsers, and the text of a hook file."""

from __future__ import annotations

from pathlib import PurePosixPath
from shlex import quote
from typing import NamedTuple

Argv = tuple[str, ...]

MARK = "# Written by l9;"
SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")
KEPT = ".before-l9"  # behind the name of a hook that was there before ours


class HookPaths(NamedTuple):
    """Where things are; `top` is empty in a bare repository. All are absolute."""

    hooks: str
    common: str
    git_dir: str
    index_file: str
    objects: str
    top: str


def find_places() -> tuple[Argv, Argv]:
    """Two commands; the second fails in a bare repository. `parse_places` takes what they print."""
    ask = ("git", "rev-parse", "--path-format=absolute")
    paths = ("--git-path", "hooks", "--git-common-dir", "--absolute-git-dir", "--git-path", "index")
    return (*ask, *paths, "--git-path", "objects"), (*ask, "--show-toplevel")


def parse_places(out: str, top: str) -> HookPaths:
    """The paths; ValueError where one of them holds a line break."""
    hooks, common, git_dir, index, objects = out.splitlines()
    return HookPaths(hooks, common, git_dir, index, objects, top.removesuffix("\n"))


def hooks_path() -> Argv:
    """What core.hooksPath says, and where it is said; fails where it is not set."""
    return ("git", "config", "--show-scope", "--get", "core.hooksPath")


def is_tracked(path: str) -> Argv:
    """Exit code 0 when git tracks that file."""
    return ("git", "ls-files", "--error-unmatch", "--", path)


def is_ignored(path: str) -> Argv:
    """Exit code 0 when git ignores that file."""
    return ("git", "check-ignore", "--quiet", "--", path)


def hook_file(name: str, python: str, package: str, install: str, remove: str) -> str:
    """A hook in POSIX sh that hands over to the very Python that wrote it, and says so when that is gone."""
    return f"""#!/bin/sh
{MARK} `{remove}` puts back what was here before.
python={quote(python)}
package={quote(package)}
if [ -x "$python" ] && [ -e "$package" ]; then
    exec "$python" -P -m l9 hooks run {name} -- "$@"
fi
printf '%s\\n' "✘ {name}: l9 is gone from $python" \\
    "  next      install l9 again and type {install}, or take this hook away: rm $0" >&2
exit 1
"""


def run_kept(path: str, as_if: str, first_line: str, args: tuple[str, ...]) -> Argv:
    """Run a hook that was moved aside. A shell's is told its old name: some look at `$0` to know what they are."""
    script = ["/bin/sh"] if first_line.isprintable() else []  # what has no `#!` and is no program
    words = first_line.removeprefix("#!").split() if first_line.startswith("#!") else script
    shell = words[1:] if words[:1] and PurePosixPath(words[0]).name == "env" else words
    if shell and PurePosixPath(shell[0]).name in SHELLS:
        return (*words, "-c", f". {quote(path)}", as_if, *args)
    return (path, *args)


def head_and_date() -> Argv:
    """HEAD's commit, and when it was made (seconds since the epoch); it fails before the first one."""
    return ("git", "show", "--no-patch", "--no-show-signature", "--format=%H %ct", "HEAD")


def write_tree() -> Argv:
    """The tree of the index; it fails where paths are unmerged."""
    return ("git", "write-tree")


def commit_tree(tree: str, parent: str) -> Argv:
    """A commit that no reference names; its message is read from standard input."""
    return ("git", "commit-tree", tree, *(("-p", parent) if parent else ()))


def message_settings() -> Argv:
    """How messages are cleaned up here: a line each of setting and value; fails where nothing is set."""
    return ("git", "config", "--get-regexp", r"^(commit\.cleanup|core\.comment(char|string))$")


def parse_settings(out: str) -> dict[str, str]:
    """`message_settings`' output by name, in lower case; the last word of several counts."""
    return {name.lower(): value for name, _, value in (line.partition(" ") for line in out.splitlines())}
