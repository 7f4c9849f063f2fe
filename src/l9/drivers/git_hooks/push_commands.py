"""git commands for a push: argument vectors, and parsers of hooks' input and of the pushed objects."""

from __future__ import annotations

from typing import NamedTuple

from l9.checks.git.messages import SIGNATURE
from l9.checks.git.protection import address

Argv = tuple[str, ...]

_COMMIT = (
    "%H", "%P", "%T", "%ae", "%(trailers:key=Reviewed-by,valueonly,unfold,separator=%x1f)",
    "%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x1f)", "%s",
)  # fmt: skip


class RefChange(NamedTuple):
    """One reference of a push; `old` and `new` are empty if it does not exist."""

    ref: str
    old: str
    new: str


class Commit(NamedTuple):
    """One commit. Addresses are in lower case; `co_authors` and `reviewers` are from its trailers."""

    id: str
    parents: tuple[str, ...]
    tree: str
    author: str
    reviewers: tuple[str, ...]
    co_authors: tuple[str, ...]
    subject: str


class TagObject(NamedTuple):
    """The header of a tag object; `signed`: it has a signature."""

    target: str
    of: str
    name: str
    signed: bool


def parse_received(text: str) -> list[RefChange]:
    """Parse pre-receive's input: a line each of old id, new id, reference."""
    lines = (line.split(" ", 2) for line in text.split("\n") if line)
    return [RefChange(ref, _present(old), _present(new)) for old, new, ref in lines]


def parse_pushed(text: str) -> list[RefChange]:
    """Parse pre-push's input: a line each of local name (which may contain spaces), new id, reference, old id."""
    lines = (line.rsplit(" ", 3) for line in text.split("\n") if line)
    return [RefChange(ref, _present(old), _present(new)) for _, new, ref, old in lines]


def _present(object_id: str) -> str:
    return "" if set(object_id) == {"0"} else object_id


def main_commits(new: str, *known: str) -> Argv:
    """List main's first-parent commits that are not reachable from known ones, oldest first."""
    return (*_log(), "--first-parent", "--reverse", new, *(f"^{k}" for k in known), "--")


def merged_commits(parents: tuple[str, ...]) -> Argv:
    """List the commits that a merge with these parents brings in."""
    return (*_log(), *parents[1:], f"^{parents[0]}", "--")


def _log() -> Argv:
    form = "%x00".join(_COMMIT)
    return ("git", "log", "-z", "--no-show-signature", "--encoding=UTF-8", f"--format=tformat:{form}")


def parse_commits(out: str) -> list[Commit]:
    """Parse the output of `main_commits` and `merged_commits`."""
    fields = out.split("\0")[:-1]
    rows = (fields[at : at + len(_COMMIT)] for at in range(0, len(fields), len(_COMMIT)))
    return [
        Commit(id_, tuple(parents.split()), tree, author.lower(), _people(reviewed), _people(with_), subject)
        for id_, parents, tree, author, reviewed, with_, subject in rows
    ]


def _people(trailers: str) -> tuple[str, ...]:
    return tuple(address(one) for one in trailers.split("\x1f") if one.strip())


def merge_again(parents: tuple[str, ...]) -> Argv:
    """Print the tree of git's own merge of two parents on the first line; exit code 1 for conflicts."""
    return ("git", "merge-tree", "--write-tree", *parents)


def object_kind(object_id: str) -> Argv:
    return ("git", "cat-file", "-t", object_id)


def read_tag(object_id: str) -> Argv:
    return ("git", "cat-file", "tag", object_id)


def parse_tag_object(text: str) -> TagObject:
    """`read_tag`'s output."""
    head = dict(line.partition(" ")[::2] for line in text.partition("\n\n")[0].splitlines())
    signed = SIGNATURE.search(text) is not None
    return TagObject(head.get("object", ""), head.get("type", ""), head.get("tag", ""), signed)


def resolve(name: str) -> Argv:
    """Print the id of a reference or an object; fails if there is none."""
    return ("git", "rev-parse", "--verify", "--quiet", "--end-of-options", name)
