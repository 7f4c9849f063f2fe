"""git commands for hooks and the index: argument vectors, parsers, and the text of a hook file."""

from __future__ import annotations

from pathlib import PurePosixPath
from shlex import quote
from typing import NamedTuple

Argv = tuple[str, ...]

MARK = "# Written by l9;"
SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")
KEPT = ".before-l9"  # suffix of a hook that existed before l9's


class HookPaths(NamedTuple):
    """The repository's absolute paths; `top` is empty in a bare repository."""

    hooks: str
    common: str
    git_dir: str
    index_file: str
    objects: str
    top: str


def find_places() -> tuple[Argv, Argv]:
    """Return two commands for `parse_places`; the second fails in a bare repository."""
    ask = ("git", "rev-parse", "--path-format=absolute")
    paths = ("--git-path", "hooks", "--git-common-dir", "--absolute-git-dir", "--git-path", "index")
    return (*ask, *paths, "--git-path", "objects"), (*ask, "--show-toplevel")


def parse_places(out: str, top: str) -> HookPaths:
    """Parse the paths. Raises ValueError if one contains a line break."""
    hooks, common, git_dir, index, objects = out.splitlines()
    return HookPaths(hooks, common, git_dir, index, objects, top.removesuffix("\n"))


def hooks_path() -> Argv:
    """Print core.hooksPath and its origin; fails if it is not set."""
    return ("git", "config", "--show-scope", "--get", "core.hooksPath")


def is_tracked(path: str) -> Argv:
    """Exit code 0 if git tracks that file."""
    return ("git", "ls-files", "--error-unmatch", "--", path)


def is_ignored(path: str) -> Argv:
    """Exit code 0 if git ignores that file."""
    return ("git", "check-ignore", "--quiet", "--", path)


def hook_file(name: str, python: str, package: str, install: str, remove: str) -> str:
    """Return a hook in POSIX sh that runs l9 with the Python that wrote it, and reports if that is gone."""
    return f"""#!/bin/sh
{MARK} `{remove}` restores the previous hook.
python={quote(python)}
package={quote(package)}
if [ -x "$python" ] && [ -e "$package" ]; then
    exec "$python" -P -m l9 hooks run {name} -- "$@"
fi
printf '%s\\n' "✘ {name}: l9 not found at $python" \\
    "  next      install l9 again and run {install}, or remove this hook: rm $0" >&2
exit 1
"""


def run_kept(path: str, as_if: str, first_line: str, args: tuple[str, ...]) -> Argv:
    """Run a renamed hook. A shell script gets its old name as `$0`, since some hooks depend on it."""
    script = ["/bin/sh"] if first_line.isprintable() else []  # no `#!` and not a binary
    words = first_line.removeprefix("#!").split() if first_line.startswith("#!") else script
    shell = words[1:] if words[:1] and PurePosixPath(words[0]).name == "env" else words
    if shell and PurePosixPath(shell[0]).name in SHELLS:
        return (*words, "-c", f". {quote(path)}", as_if, *args)
    return (path, *args)


def head_and_date() -> Argv:
    """Print HEAD's commit and its time (seconds since the epoch); fails before the first commit."""
    return ("git", "show", "--no-patch", "--no-show-signature", "--format=%H %ct", "HEAD")


def write_tree() -> Argv:
    """Write the index as a tree; fails if paths are unmerged."""
    return ("git", "write-tree")


def commit_tree(tree: str, parent: str) -> Argv:
    """Create a commit without a reference; its message is read from standard input."""
    return ("git", "commit-tree", tree, *(("-p", parent) if parent else ()))


def message_settings() -> Argv:
    """Print the settings for the cleanup of messages, a line each; fails if none is set."""
    return ("git", "config", "--get-regexp", r"^(commit\.cleanup|core\.comment(char|string))$")


def parse_settings(out: str) -> dict[str, str]:
    """Parse `message_settings`' output by lower-case name; the last of several values counts."""
    return {name.lower(): value for name, _, value in (line.partition(" ") for line in out.splitlines())}
