"""git: the releases in a commit's history, and the messages of the commits since then."""

from __future__ import annotations

from typing import NamedTuple

from l9.checks.git.facts import CommitMessage
from l9.drivers.git.commands import Argv


class MergedTag(NamedTuple):
    """An annotated tag in a commit's history; `commit` is empty if it names another tag."""

    name: str
    object_id: str
    commit: str


def merged_tags(commit: str) -> Argv:
    """List all tags that are reachable from a commit, fields separated by NUL."""
    form = "%(refname:strip=2)%00%(objecttype)%00%(*objecttype)%00%(objectname)%00%(*objectname)"
    return ("git", "for-each-ref", f"--merged={commit}", f"--format={form}", "refs/tags")


def parse_merged_tags(out: str) -> tuple[MergedTag, ...]:
    """Parse `merged_tags`' output, without lightweight tags: those are not releases."""
    rows = (line.split("\0") for line in out.splitlines())
    return tuple(
        MergedTag(name, oid, target if of == "commit" else "")
        for name, kind, of, oid, target in rows
        if kind == "tag"
    )


def remote_tags(remote: str = "origin") -> Argv:
    """List the remote's tags; parsed by `parse_ls_remote`."""
    return ("git", "ls-remote", "--tags", "--refs", "--", remote)


def is_shallow() -> Argv:
    return ("git", "rev-parse", "--is-shallow-repository")


def log_messages(since: str, commit: str, most: int) -> Argv:
    """List the newest `most` commits after `since` (empty: only the commit itself), with parents and message."""
    return (
        "git", "log", "-z", "--no-show-signature", "--no-notes", "--no-color", f"--max-count={most}",
        "--format=%H%x1f%P%x1f%B", *((f"{since}..{commit}",) if since else ("--no-walk", commit)), "--",
    )  # fmt: skip


def parse_messages(out: str) -> tuple[CommitMessage, ...]:
    """Parse `log_messages`' output, newest first."""
    rows = (row.split("\x1f", 2) for row in out.split("\0") if row)
    return tuple(CommitMessage(commit, len(parents.split()), text) for commit, parents, text in rows)
