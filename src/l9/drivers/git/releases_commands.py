"""git: list a repository's tags as releases, and create one."""

from __future__ import annotations

from typing import NamedTuple

from l9.drivers.git.commands import Argv

_FIELDS = (
    "%(refname:strip=2)", "%(objecttype)", "%(*objecttype)", "%(*objectname)", "%(*tree)", "%(taggerdate:unix)",
    "%(taggername) %(taggeremail)",
)  # fmt: skip


class TagLine(NamedTuple):
    """An annotated tag; `at` is its time in seconds since the epoch. A tag of a tag has no commit."""

    name: str
    commit: str
    tree: str
    at: float
    tagger: str


def list_annotated() -> Argv:
    """List all tags, newest version first, fields separated by NUL."""
    return ("git", "for-each-ref", f"--format={'%00'.join(_FIELDS)}", "--sort=-version:refname", "refs/tags")


def parse_annotated(out: str) -> tuple[TagLine, ...]:
    """Parse `list_annotated`'s output, without lightweight tags: those are not releases."""
    rows = (line.split("\0") for line in out.splitlines())
    return tuple(
        TagLine(name, target if of == "commit" else "", tree, float(at or 0), tagger.strip())
        for name, kind, of, target, tree, at, tagger in rows
        if kind == "tag"
    )


def count_commits(since: str, until: str) -> Argv:
    """Count the commits of `until` that are not in `since`; all if `since` is empty."""
    return ("git", "rev-list", "--count", until, *((f"^{since}",) if since else ()), "--")


def make_tag(name: str, commit: str, *, sign: bool) -> Argv:
    """Create an annotated tag on a commit, its message verbatim from standard input; fails if the tag exists."""
    kind = "--sign" if sign else "--annotate"
    return ("git", "tag", kind, "--cleanup=whitespace", "--file=-", "--", name, commit)


def unmake_tag(name: str, object_id: str) -> Argv:
    """Delete a tag if it still is this object."""
    return ("git", "update-ref", "-d", f"refs/tags/{name}", object_id)
