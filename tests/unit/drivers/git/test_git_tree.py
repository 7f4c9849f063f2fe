"""The files of a commit, on real git, with every kind of entry that a tree can have."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from l9.drivers.git.tree import GitTree
from l9.errors import ActionError

ODD = os.fsdecode(b"caf\xe9.py")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    def git(*args: str) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@l9.invalid", "-c", "protocol.file.allow=always")
        subprocess.run(("git", *who, *args), cwd=tmp_path, check=True, capture_output=True)

    git("init", "--quiet", "--initial-branch=main")
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "a b.py").write_text("import os\nos.environ['A']\n", encoding="utf-8")
    (tmp_path / ODD).write_bytes(b"os.environ['\xe9']\n")
    (tmp_path / "big.bin").write_bytes(b"\0" * 2_000_000)
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "link.py").symlink_to("api/a b.py")
    git("add", "--all")
    git("commit", "--quiet", "-m", "Add: All")
    git("submodule", "--quiet", "add", "./", "sub")
    git("commit", "--quiet", "-m", "Add: Sub")
    return tmp_path


def test_it_names_plain_files_only(top: Path) -> None:
    tree = GitTree(top, "HEAD")
    assert set(tree.files) == {"api/a b.py", ODD, "big.bin", "empty.txt", ".gitmodules"}
    assert tree.entries["sub"].kind == "commit"
    assert tree.entries["big.bin"].size == 2_000_000


def test_it_reads_many_at_once_and_leaves_out_what_is_no_source(top: Path) -> None:
    found = GitTree(top, "HEAD").read(("empty.txt", "api/a b.py", "big.bin", "link.py", "sub", "none", ODD))
    assert set(found) == {"empty.txt", "api/a b.py", ODD}
    assert found["empty.txt"] == b""
    assert found[ODD] == b"os.environ['\xe9']\n"
    assert GitTree(top, "HEAD").read(()) == {}


def test_it_reads_what_is_committed_and_not_what_lies_there(top: Path) -> None:
    (top / "api" / "a b.py").write_text("changed", encoding="utf-8")
    tree = GitTree(top, "HEAD")
    assert str(tree.text("api/a b.py")).startswith("import os")
    assert tree.text("link.py") is None


def test_it_finds_the_files_that_hold_a_pattern(top: Path) -> None:
    tree = GitTree(top, "HEAD")
    assert set(tree.holding("os\\.environ", "*.py")) == {"api/a b.py", ODD}
    assert tree.holding("nowhere at all") == ()


def test_a_tree_that_is_not_there(top: Path) -> None:
    with pytest.raises(ActionError, match="cannot read the files"):
        _ = GitTree(top, "no-such-tag").files


@pytest.mark.parametrize(
    "path",
    [
        "api/a b.py", ODD, "big.bin", "link.py", "sub", ".gitmodules",
        "api", "api/", "none", "api/none", "", "/", ".", "./empty.txt", "../empty.txt", "api/../empty.txt",
        "api//a b.py", "empty.txt/", "empty.txt/x", "sub/x", "*.txt", ":(top)empty.txt", ":/empty.txt", "-r", "--",
        "a\0b", "\n", "é", "EMPTY.TXT",
    ],
)  # fmt: skip
def test_one_entry_is_that_of_the_whole_listing(top: Path, path: str) -> None:
    listed = GitTree(top, "HEAD")
    expected = listed.entries.get(path)
    assert GitTree(top, "HEAD").entry(path) == expected == listed.entry(path)
    assert GitTree(top, "HEAD").text(path) == listed.text(path)
