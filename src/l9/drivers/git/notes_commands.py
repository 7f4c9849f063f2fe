"""git notes: attestations of a tree, a line each. `ref` is one of the references named here."""

from __future__ import annotations

Argv = tuple[str, ...]

NOTES = "refs/notes/l9/"
CGMP, OPENAPI = f"{NOTES}cgmp", f"{NOTES}openapi"


def list_refs(prefix: str) -> Argv:
    """List the references below a prefix, a line each."""
    return ("git", "for-each-ref", "--format=%(refname)", prefix)


def show_note(ref: str, object_id: str) -> Argv:
    """Print the note of an object; exit code 1 if it has none."""
    return ("git", "notes", f"--ref={ref}", "show", object_id)


def write_note(ref: str, object_id: str) -> Argv:
    """Replace the note of an object with standard input."""
    return ("git", "notes", f"--ref={ref}", "add", "--force", "--file=-", object_id)


def theirs(ref: str, remote: str = "origin") -> str:
    """Return the local reference for a remote's fetched notes."""
    return f"refs/notes/{remote}/{ref.removeprefix('refs/notes/')}"


def fetch_notes(remote: str = "origin") -> Argv:
    """Fetch a remote's l9 notes to references beside the local ones."""
    refs = f"+{NOTES}*:{theirs(NOTES, remote)}*"
    return ("git", "fetch", "--no-tags", "--no-prune", "--no-prune-tags", "--quiet", remote, refs)


def merge_notes(ref: str, remote: str = "origin") -> Argv:
    """Merge the remote's lines into the local notes, without losses or duplicates."""
    return (
        "git", "notes", f"--ref={ref}", "merge", "--quiet", "--strategy=cat_sort_uniq", theirs(ref, remote)
    )  # fmt: skip
