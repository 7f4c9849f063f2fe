"""git notes: what is known of a tree, a line each. `ref` is one of the references named here."""

from __future__ import annotations

Argv = tuple[str, ...]

NOTES = "refs/notes/l9/"
CGMP, OPENAPI = f"{NOTES}cgmp", f"{NOTES}openapi"


def list_refs(prefix: str) -> Argv:
    """The references below a prefix, a line each."""
    return ("git", "for-each-ref", "--format=%(refname)", prefix)


def show_note(ref: str, object_id: str) -> Argv:
    """The note of an object; exit code 1 where it has none."""
    return ("git", "notes", f"--ref={ref}", "show", object_id)


def write_note(ref: str, object_id: str) -> Argv:
    """The whole note of an object, from standard input."""
    return ("git", "notes", f"--ref={ref}", "add", "--force", "--file=-", object_id)


def theirs(ref: str, remote: str = "origin") -> str:
    """Where a fetched note reference of a remote is kept."""
    return f"refs/notes/{remote}/{ref.removeprefix('refs/notes/')}"


def fetch_notes(remote: str = "origin") -> Argv:
    """A remote's notes of l9's, beside our own."""
    refs = f"+{NOTES}*:{theirs(NOTES, remote)}*"
    return ("git", "fetch", "--no-tags", "--no-prune", "--no-prune-tags", "--quiet", remote, refs)


def merge_notes(ref: str, remote: str = "origin") -> Argv:
    """Take the remote's lines into our own notes; none is lost, none is there twice."""
    return (
        "git", "notes", f"--ref={ref}", "merge", "--quiet", "--strategy=cat_sort_uniq", theirs(ref, remote)
    )  # fmt: skip
