"""Test cases for names that are refused in a tree, and for ids of trees as git itself makes them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from l9.drivers.git import commands as git
from l9.drivers.git.objects import tree_rules as rules
from l9.drivers.git.objects.tree_rules import TreeEntry

BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
FILE = TreeEntry("100644", "blob", BLOB, 0)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n"


@pytest.mark.parametrize(
    ("paths", "found", "remedy"),
    [
        ({"lib": TreeEntry("160000", "commit", "a" * 40, 0)}, "lib is a submodule", "git rm -r --cached lib"),
        ({".l9/agent/x": FILE}, ".l9/agent/x: .l9/ is reserved for l9", "git rm -r --cached .l9"),
        ({".l9": FILE}, ".l9: .l9/ is reserved for l9", "git rm -r --cached .l9"),
        ({"../x": FILE}, "'../x' is not a valid path", "git fsck"),
        ({"a/./x": FILE}, "'a/./x' is not a valid path", "git fsck"),
        ({"/etc/x": FILE}, "'/etc/x' is not a valid path", "git fsck"),
        ({"a/.GIT/hooks/x": FILE}, "'a/.GIT/hooks/x' is not a valid path", "git fsck"),
        ({"a": FILE, "a/b": FILE}, "a is both a file and a folder", "git fsck"),
    ],
)
def test_what_is_refused_by_name(paths: dict[str, TreeEntry], found: str, remedy: str) -> None:
    why = rules.refusal({"README.md": FILE, **paths})
    assert why is not None
    assert (why.found[: len(found)], why.remedy) == (found, remedy)


def test_what_is_not_refused() -> None:
    assert (
        rules.refusal(dict.fromkeys(("a/b", ".l9-notes", "l9/.l9", "...", ".gitignore", "a b"), FILE)) is None
    )


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (POINTER, True),
        (POINTER.replace(b"\noid", b"\next-0-foo sha256:" + b"b" * 64 + b"\noid"), True),
        (POINTER[:60], False),
        (b"# " + POINTER, False),
        (POINTER + b"x" * 1024, False),
        (b"", False),
    ],
)
def test_pointers_of_git_lfs(data: bytes, is_one: bool) -> None:
    assert rules.is_pointer(data) is is_one
    assert rules.pointer("a b.png").remedy == "git lfs migrate export --include='a b.png' --everything"


@pytest.mark.parametrize(
    ("links", "out"),
    [
        ({"a": "b/c", "deep/x": "../a", "round": "round", "to/top": ".."}, ""),
        ({"a": "/etc/passwd"}, "a"),
        ({"a": "../x"}, "a"),
        ({"a/b": "../../x"}, "a/b"),
        ({"a/b/up": "../..", "c": "a/b/up/../x"}, "c"),
        ({"a": "./b//../c/"}, ""),
    ],
)
def test_links_out_of_the_tree(links: dict[str, str], out: str) -> None:
    found = rules.link_out(links)
    assert (found.found.split()[0] if found else "") == out


@pytest.mark.parametrize(
    ("mode", "as_file"),
    [("100644", "100644"), ("100664", "100644"), ("100755", "100755"), ("120000", "120000")],
)
def test_modes(mode: str, as_file: str) -> None:
    assert rules.mode_of(TreeEntry(mode, "blob", BLOB, 0)) == as_file


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_the_id_of_a_tree_is_gits(tmp_path: Path, kind: str) -> None:
    def call(*argv: str) -> str:
        done = subprocess.run(("git", *argv), cwd=tmp_path, check=True, capture_output=True)
        return os.fsdecode(done.stdout)

    call("init", "--quiet", f"--object-format={kind}")
    # git sorts a folder as if its name ended in a slash.
    for path in ("a/x", "a.b", "a-b", "a0", "z/y/x/w", "café", os.fsdecode(b"caf\xe9"), "run.sh"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path, "utf-8", "surrogateescape")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "link").symlink_to("a/x")
    call("add", "--all")
    tree = call("write-tree").strip()
    entries = git.parse_entries(call(*git.list_entries(tree)[1:]))
    assert rules.tree_id(entries, len(tree)) == tree
    assert rules.tree_id({}, len(tree)) == call("hash-object", "-t", "tree", "/dev/null").strip()
    changed = {**entries, "a0": entries["a0"]._replace(mode="100755")}
    assert rules.tree_id(changed, len(tree)) != tree
