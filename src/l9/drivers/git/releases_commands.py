"""git: the tags of a repository as releases, and the making of one."""

from __future__ import annotations

from typing import NamedTuple

from l9.drivers.git.commands import Argv

_FIELDS = (
    "%(refname:strip=2)", "%(objecttype)", "%(*objecttype)", "%(*objectname)", "%(*tree)", "%(taggerdate:unix)",
    "%(taggername) %(taggeremail)",
)  # fmt: skip


class TagLine(NamedTuple):
    """An annotated tag; `at` is when it was made, seconds since the epoch. Of a tag of a tag no commit is known."""

    name: str
    commit: str
    tree: str
    at: float
    tagger: str


def list_annotated() -> Argv:
    """All tags, newest version first, fields divided by NUL."""
    return ("git", "for-each-ref", f"--format={'%00'.join(_FIELDS)}", "--sort=-version:refname", "refs/tags")


def parse_annotated(out: str) -> tuple[TagLine, ...]:
    """`list_annotated`'s output, without lightweight tags: those are no releases."""
    rows = (line.split("\0") for line in out.splitlines())
    return tuple(
        TagLine(name, target if of == "commit" else "", tree, float(at or 0), tagger.strip())
        for name, kind, of, target, tree, at, tagger in rows
        if kind == "tag"
    )


def count_commits(since: str, until: str) -> Argv:
    """How many commits the one has that the other has not; all, where `since` is empty."""
    return ("git", "rev-list", "--count", until, *((f"^{since}",) if since else ()), "--")


def make_tag(name: str, commit: str, *, sign: bool) -> Argv:
    """An annotated tag on a commit, its message from standard input as it is; never one that there is already."""
    kind = "--sign" if sign else "--annotate"
    return ("git", "tag", kind, "--cleanup=whitespace", "--file=-", "--", name, commit)


def unmake_tag(name: str, object_id: str) -> Argv:
    """Take a tag away that is still this very object."""
    return ("git", "update-ref", "-d", f"refs/tags/{name}", object_id)
