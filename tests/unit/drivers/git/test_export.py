"""A tree as files, on real git: byte for byte, whatever attributes and settings say, and compared with its id."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from l9.drivers.git.objects.export import differences, export, tree_files
from l9.drivers.git.tree import GitTree
from l9.errors import ActionError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n"
ATTRIBUTES = """
tests/** export-ignore
version export-subst
*.id ident
*.wide working-tree-encoding=UTF-16
*.crlf text eol=crlf
*.smudged filter=louder
"""
CONTENT = {
    ".gitattributes": ATTRIBUTES.encode(),
    "tests/test_a.py": b"assert True\n",
    "version": b"$Format:%H$\n",
    "a.id": b"$Id$\n",
    "a.wide": "größe\n".encode("utf-16"),
    "a.crlf": b"one\ntwo\n",
    "a.smudged": b"quiet\n",
    "bin/run": b"#!/bin/sh\n",
    "empty": b"",
    "big": b"\0" * 3_000_000,
    os.fsdecode(b"caf\xe9"): b"latin\n",
    "two\nlines": b"x\n",
}


class Repository:
    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *args: str, data: bytes | None = None) -> str:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@l9.invalid", "-c", "protocol.file.allow=always")
        done = subprocess.run(("git", *who, *args), cwd=self.top, input=data, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def write(self, path: str, data: bytes) -> None:
        (self.top / path).parent.mkdir(parents=True, exist_ok=True)
        (self.top / path).write_bytes(data)

    def commit(self) -> GitTree:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "Add: All")
        return GitTree(self.top, "HEAD")

    def crafted(self, *rows: str) -> GitTree:
        """A tree that no checkout would make; rows as `git mktree` takes them."""
        blob = self.git("hash-object", "-w", "--stdin", data=b"x\n")
        text = "".join(f"{row}\n" for row in rows).format(blob=blob)
        return GitTree(self.top, self.git("mktree", "--missing", data=text.encode()))


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repo")


@pytest.fixture
def full(repo: Repository) -> Repository:
    """Every attribute that changes what a checkout or an archive writes, and every setting that does."""
    for path, data in CONTENT.items():
        repo.write(path, data)
    (repo.top / "bin" / "run").chmod(0o755)
    (repo.top / "link").symlink_to("bin/run")
    repo.write(".git/info/attributes", b"* export-ignore\nempty ident\n")
    repo.git("-c", "filter.louder.clean=cat", "add", "--all")
    repo.git("commit", "--quiet", "-m", "Add: All")
    repo.git("config", "core.autocrlf", "true")
    repo.git("config", "filter.louder.smudge", "tr a-z A-Z")
    repo.git("config", "filter.louder.required", "true")
    return repo


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and not p.is_symlink()
    }


def test_it_is_byte_for_byte_what_was_committed(full: Repository, tmp_path: Path) -> None:
    out = tmp_path / "out"
    tree = GitTree(full.top, "HEAD")
    before = os.umask(0o077)
    try:
        assert export(tree, out) == len(CONTENT) + 1
    finally:
        os.umask(before)
    blobs = {p: full.git("rev-parse", f"HEAD:{p}") for p in CONTENT}
    for path, data in files(out).items():
        assert full.git("hash-object", "--stdin", "--no-filters", data=data) == blobs[path]
    assert set(files(out)) == set(CONTENT)
    assert (out / "a.smudged").read_bytes() == b"quiet\n"
    assert (out / "version").read_bytes() == b"$Format:%H$\n"
    assert os.readlink(out / "link") == "bin/run"
    modes = {p: (out / p).stat().st_mode & 0o777 for p in ("bin/run", "empty", "bin")}
    assert modes == {"bin/run": 0o755, "empty": 0o644, "bin": 0o755}
    assert differences(tree, out) == ()


def _plant(name: str) -> Callable[[Path], object]:
    return lambda out: (out / name).write_bytes(b"raise SystemExit\n")


def _folder(out: Path) -> None:
    (out / "bin" / "__pycache__").mkdir()
    (out / "bin" / "__pycache__" / "x.pyc").touch()


def _replace_folder(out: Path) -> None:
    (out / "bin").rename(out / "elsewhere")
    (out / "bin").symlink_to("elsewhere")


def _folder_for_file(out: Path) -> None:
    (out / "empty").unlink()
    (out / "empty" / "deep").mkdir(parents=True)


@pytest.mark.parametrize(
    ("tamper", "paths"),
    [
        (_plant("sitecustomize.py"), {"sitecustomize.py"}),
        (_plant(".git"), {".git"}),
        (_plant("bin/x"), {"bin/x"}),
        (_folder, {"bin/__pycache__"}),
        (lambda out: (out / "a.id").write_bytes(b"$Ix$\n"), {"a.id"}),
        (lambda out: (out / "a.id").unlink(), {"a.id"}),
        (lambda out: (out / "bin" / "run").chmod(0o644), {"bin/run"}),
        (lambda out: (out / "empty").chmod(0o666), {"empty"}),
        (lambda out: (out / "link").unlink() or (out / "link").symlink_to("/etc/passwd"), {"link"}),
        (lambda out: (out / "a.id").unlink() or (out / "a.id").symlink_to("/etc/passwd"), {"a.id"}),
        (_replace_folder, {"bin", "bin/run", "elsewhere"}),
        (_folder_for_file, {"empty"}),
    ],
    ids=[
        "planted", "git-file", "planted-below", "bytecode", "edited", "gone", "not-executable", "writable",
        "another-link", "link-for-file", "link-for-folder", "folder-for-file",
    ],
)  # fmt: skip
def test_what_differs_is_named_and_put_right(
    full: Repository, tmp_path: Path, tamper: Callable[[Path], object], paths: set[str]
) -> None:
    out, tree = tmp_path / "out", GitTree(full.top, "HEAD")
    export(tree, out)
    kept = (out / "big").stat()
    tamper(out)
    assert paths >= set(differences(tree, out)) > set()
    export(tree, out)
    assert differences(tree, out) == ()
    assert (out / "big").stat() == kept  # what was right was not touched: somebody may run from it


def test_what_a_build_has_added_can_be_kept(full: Repository, tmp_path: Path) -> None:
    out, tree = tmp_path / "out", GitTree(full.top, "HEAD")
    export(tree, out)
    _folder(out)
    (out / "a.id").write_bytes(b"edited\n")
    assert differences(tree, out, keep_others=True) == ("a.id",)
    assert export(tree, out, keep_others=True) == 1
    assert (out / "bin" / "__pycache__" / "x.pyc").exists()
    assert (out / "a.id").read_bytes() == b"$Id$\n"


def test_a_replaced_object_is_not_what_was_tagged(repo: Repository, tmp_path: Path) -> None:
    repo.write("test.py", b"assert False\n")
    tree = repo.commit()
    red = repo.git("rev-parse", "HEAD:test.py")
    green = repo.git("hash-object", "-w", "--stdin", data=b"assert True\n")
    repo.git("replace", red, green)
    assert repo.git("cat-file", "blob", red) == "assert True"
    export(tree, tmp_path / "out")
    assert (tmp_path / "out" / "test.py").read_bytes() == b"assert False\n"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".l9/agent/bin/l9", ".l9/agent/bin/l9: .l9/ is reserved for l9 on the host"),
        ("logo.png", "logo.png is a Git LFS pointer: its content is not in the tag"),
    ],
)
def test_files_that_are_refused_by_name(repo: Repository, tmp_path: Path, path: str, found: str) -> None:
    repo.write("a", b"a\n")
    repo.write(path, POINTER)
    tree = repo.commit()
    for _ in range(2):
        with pytest.raises(ActionError, match="HEAD cannot be deployed") as refused:
            export(tree, tmp_path / "out")
        assert (refused.value.found, refused.value.remedy) == (found, tree_files(tree).remedy)
        assert tree_files(tree).refused == found
        assert not (tmp_path / "out" / path).exists()


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "in/../../x"])
def test_a_link_out_of_the_tree(repo: Repository, tmp_path: Path, target: str) -> None:
    (repo.top / "out").symlink_to(target)
    with pytest.raises(ActionError) as refused:
        export(repo.commit(), tmp_path / "out")
    assert refused.value.found == f"out is a symbolic link out of the tree, to {target}"
    assert not (tmp_path / "out").exists()


def test_a_submodule(repo: Repository, tmp_path: Path) -> None:
    repo.commit()
    repo.git("submodule", "--quiet", "add", "./", "lib")
    with pytest.raises(ActionError) as refused:
        export(repo.commit(), tmp_path / "out")
    assert refused.value.found == "lib is a submodule: its files are not in the tag"
    repo.git(*refused.value.remedy.split()[1:])
    (repo.top / "lib" / ".git").unlink()
    export(repo.commit(), tmp_path / "out")


@pytest.mark.parametrize("name", [".git", "..", ".GIT"])
def test_names_that_no_checkout_has(repo: Repository, tmp_path: Path, name: str) -> None:
    inner = repo.crafted("100644 blob {blob}\tx").id
    try:
        tree = repo.crafted(f"040000 tree {inner}\t{name}")
    except subprocess.CalledProcessError:
        pytest.fail("git mktree takes any name")
    with pytest.raises(ActionError) as refused:
        export(tree, tmp_path / "out")
    assert refused.value.found == f"'{name}/x' is not a valid path in a working directory"
    assert not (tmp_path / "x").exists()


def test_an_object_that_is_missing(repo: Repository, tmp_path: Path) -> None:
    repo.write("a", b"a\n")
    tree = repo.commit()
    blob = repo.git("rev-parse", "HEAD:a")
    assert tree.entries
    (repo.top / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(ActionError) as refused:
        export(tree, tmp_path / "out")
    assert (refused.value.found, refused.value.remedy) == ("a is not in this clone", "git fsck")


def test_a_partial_clone_gets_what_it_lacks(repo: Repository, tmp_path: Path) -> None:
    repo.write("a", b"a\n")
    repo.commit()
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git(
        "clone",
        "--quiet",
        "--no-checkout",
        "--filter=blob:none",
        f"file://{repo.top}",
        str(tmp_path / "part"),
    )
    tree = GitTree(tmp_path / "part", "HEAD")
    with pytest.raises(ActionError) as refused:
        export(tree, tmp_path / "out")
    assert refused.value.remedy == "git fetch --refetch --no-filter origin"
    subprocess.run(refused.value.remedy.split(), cwd=tmp_path / "part", check=True, capture_output=True)
    export(GitTree(tmp_path / "part", "HEAD"), tmp_path / "out")
    assert (tmp_path / "out" / "a").read_bytes() == b"a\n"
