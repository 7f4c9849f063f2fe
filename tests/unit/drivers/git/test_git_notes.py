"""Notes on trees: argument vectors by equality, and what real git makes of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from l9.drivers.git import notes_commands as notes

REF = "refs/notes/l9/cgmp"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (notes.list_refs("refs/notes/l9/"), ("git", "for-each-ref", "--format=%(refname)", "refs/notes/l9/")),
        (notes.show_note(REF, "c0ffee"), ("git", "notes", f"--ref={REF}", "show", "c0ffee")),
        (
            notes.write_note(REF, "c0ffee"),
            ("git", "notes", f"--ref={REF}", "add", "--force", "--file=-", "c0ffee"),
        ),
        (
            notes.fetch_notes(),
            (
                "git", "fetch", "--no-tags", "--no-prune", "--no-prune-tags", "--quiet", "origin",
                "+refs/notes/l9/*:refs/notes/origin/l9/*",
            ),
        ),
        (
            notes.merge_notes(REF),
            (
                "git", "notes", f"--ref={REF}", "merge", "--quiet", "--strategy=cat_sort_uniq",
                "refs/notes/origin/l9/cgmp",
            ),
        ),
    ],
)  # fmt: skip
def test_the_argument_vector(argv: notes.Argv, expected: notes.Argv) -> None:
    assert argv == expected


def test_git_takes_them(tmp_path: Path) -> None:
    def git(*argv: str, data: str = "") -> str:
        name = ("-c", "user.name=Ada", "-c", "user.email=ada@l9.invalid")
        done = subprocess.run(
            ("git", *name, *argv[1:]), cwd=tmp_path, input=data, capture_output=True, text=True, check=True
        )
        return done.stdout

    git("git", "init", "--quiet")
    tree = git("git", "write-tree").strip()
    git(*notes.write_note(REF, tree), data="one\ntwo\n")
    assert git(*notes.show_note(REF, tree)) == "one\ntwo\n"
    assert git(*notes.list_refs(notes.NOTES)) == f"{REF}\n"
