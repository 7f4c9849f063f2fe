"""`l9 check` on repositories that nobody thinks of: a clear line, the right exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from documented import documents

CONFIG = 'app = "l9-api"\n[targets.production]\nhost = "local"\n'
DIGEST = "sha256:" + "a" * 64
DOCKERFILE = f'FROM python:3.12.7@{DIGEST}\nHEALTHCHECK CMD ["true"]\nUSER 1\nCMD ["true"]\n'
POINTER = f"version https://git-lfs.github.com/spec/v1\noid {DIGEST}\nsize 100000000\n"
ODD = os.fsdecode(b"caf\xe9 \xff.py")
WHO = {f"GIT_{who}_{what}": "ada@l9.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Place:
    """A working copy, and what `l9 check` says in it."""

    def __init__(self, top: Path, **env: str) -> None:
        self.top = top
        self.env = {**os.environ, **WHO, **env}

    def git(self, *args: str) -> str:
        argv = ("git", "-c", "protocol.file.allow=always", *args)
        done = subprocess.run(argv, cwd=self.top, env=self.env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, path: str, content: str | bytes) -> None:
        file = self.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Add: Something")

    def said(self, *args: str, code: int) -> list[dict[str, Any]]:
        """The documents that the command prints with this exit code, each as its schema says."""
        return documents(self.text(*args, "--json", code=code))

    def text(self, *args: str, code: int) -> str:
        """Run the command, assert its exit code, and return its output."""
        argv = (sys.executable, "-m", "l9", "check", *args)
        done = subprocess.run(argv, cwd=self.top, env=self.env, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        assert done.returncode == code, (done.stdout, done.stderr)
        return done.stdout

    def check(self, *args: str, code: int) -> dict[str, dict[str, str]]:
        """Each invariant that was judged, by its id."""
        (found,) = self.said(*args, code=code)
        return {one["id"]: one for one in found["invariants"]}

    def bad(self, *args: str) -> dict[str, str]:
        """Return the findings that stand in the way, by id; each has a command to type."""
        judged = self.check(*args, code=3).values()
        found = {one["id"]: one for one in judged if one["closes"]}
        assert all(one["remedy"] and one["found"] and one["expected"] for one in found.values()), found
        return {name: one["found"] for name, one in found.items()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A repository in which all is well."""
    made = Place(tmp_path / "work")
    made.top.mkdir()
    made.git("init", "--quiet", "--initial-branch=main")
    made.write("l9.toml", CONFIG)
    made.write("requirements.txt", "click==8.1.7\n")
    made.write("api/main.py", "print()\n")
    return made


def test_binary_files_under_all_the_names_that_are_read(place: Place) -> None:
    for name in ("requirements.txt", "api/main.py", ".env.example", "pyproject.toml"):
        place.write(name, bytes(range(256)) * 40)
    place.write("api/picture.png", os.urandom(5000))
    place.commit()
    bad = place.bad()
    assert "workspace.dependencies-locked" in bad


def test_a_dockerfile_and_a_compose_file_that_are_binary(place: Place) -> None:
    place.write("Dockerfile", b"\x00\x01\x02" * 100)
    place.write("compose.yml", b"\xff\xfe\x00" * 100)
    place.commit()
    assert (
        place.bad()["workspace.no-source-mounts"]
        == "compose.yml cannot be read: it is not UTF-8 text (byte 0)"
    )


def test_submodules(place: Place, tmp_path: Path) -> None:
    other = Place(tmp_path / "other")
    other.top.mkdir()
    other.git("init", "--quiet", "--initial-branch=main")
    other.write("requirements.txt", "click\n")  # is no requirement of the release's
    other.commit()
    place.commit()
    place.git("submodule", "--quiet", "add", str(other.top), "vendor")
    place.commit()
    refused = {"repository.tree-complete": "vendor is a submodule: its files are not in the tag"}
    assert place.bad() == refused
    place.git("submodule", "--quiet", "deinit", "--force", "vendor")
    assert place.bad() == refused


def test_a_dockerfile_in_a_submodule(place: Place) -> None:
    place.write("compose.yml", "services: {l9-api: {build: vendor}}\n")
    place.commit()
    place.git("update-index", "--add", "--cacheinfo", f"160000,{place.git('rev-parse', 'HEAD')},vendor")
    place.git("commit", "--quiet", "-m", "Add: Something")
    (place.top / "vendor").mkdir()
    assert place.bad()["workspace.exec-form-command"].endswith(
        "vendor is a submodule: its files are not in the tag"
    )


def test_pointers_of_large_file_storage(place: Place) -> None:
    for name in ("requirements.txt", "Dockerfile", "model.bin", ".env.example"):
        place.write(name, POINTER)
    place.commit()
    bad = place.bad()
    assert bad["workspace.base-image-by-digest"] == "Dockerfile cannot be read: it is a Git LFS pointer"
    assert "workspace.dependencies-locked" in bad


def test_a_file_of_a_hundred_megabytes(place: Place) -> None:
    place.write("api/data.py", b"x = 1\n")
    with (place.top / "dump.sql").open("wb") as file:
        file.truncate(100_000_000)
    place.git("config", "core.compression", "1")
    place.commit()
    assert all(not one["closes"] for one in place.check(code=0).values())


def test_names_that_are_no_utf_8(place: Place) -> None:
    (place.top / ODD).write_bytes(b"# caf\xe9\nprint()\n")
    place.commit()
    assert place.check(code=0)["workspace.no-untracked-files"]["verdict"] == "pass"
    (place.top / ("new " + ODD)).write_bytes(b"")
    (place.top / ODD).write_bytes(b"changed\n")
    assert set(place.bad()) == {"workspace.no-untracked-files", "workspace.no-uncommitted-changes"}


def test_a_shallow_clone(place: Place, tmp_path: Path) -> None:
    place.commit()
    place.git("tag", "--annotate", "v1.0.0-l9", "-m", "Release v1.0.0-l9: First")
    for _ in range(3):
        place.git("commit", "--quiet", "--allow-empty", "-m", "Add: More")
    shallow = Place(tmp_path / "shallow")
    place.git("clone", "--quiet", "--depth=1", f"file://{place.top}", str(shallow.top))
    found = shallow.bad()
    assert all("shallow" in why for why in found.values()), found
    assert (
        shallow.check(code=3)[next(iter(found))]["remedy"]
        == "git fetch --unshallow origin +refs/heads/main:refs/remotes/origin/main"
    )


def test_a_worktree(place: Place, tmp_path: Path) -> None:
    place.commit()
    place.git("worktree", "add", "--quiet", str(tmp_path / "beside"), "-b", "feature/x")
    beside = Place(tmp_path / "beside")
    assert set(beside.bad()) == {"workspace.on-main"}


def test_no_commits_yet(place: Place) -> None:
    assert {"workspace.no-untracked-files", "workspace.dependencies-locked"} <= set(place.bad())
    (place.top / "requirements.txt").unlink()
    place.git("add", "--all")
    assert "workspace.no-uncommitted-changes" in place.bad()


def test_a_repository_of_somebody_elses(place: Place) -> None:
    place.commit()
    place.env["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "1"  # git's own way to try it
    (refused,) = place.said(code=2)
    assert "dubious ownership" in refused["evidence"][0]["observed"]
    assert refused["remedy"][0]["command"] == f"git config --global --add safe.directory {place.top}"


def test_no_repository_at_all(tmp_path: Path) -> None:
    alone = Place(tmp_path)
    alone.write("l9.toml", CONFIG)
    (refused,) = alone.said(code=2)
    assert refused["message"] == "not inside a git working copy"
    assert refused["remedy"][0]["command"] == "git init"


def test_a_bare_repository(tmp_path: Path) -> None:
    bare = Place(tmp_path)
    bare.git("init", "--quiet", "--bare")
    (refused,) = bare.said(code=2)
    assert refused["message"] == "not inside a git working copy"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (b"app = [", "l9.toml is not TOML"),
        (b"\xff\xfe", "l9.toml cannot be read"),
        (b"", "l9.toml is malformed"),
        (b"app = 1\n[targets.production]\nhost = 'h'\n", "l9.toml is malformed"),
        (b"a" * 1_000_000, "l9.toml is not TOML"),
    ],
)
def test_a_malformed_l9_toml(place: Place, config: bytes, says: str) -> None:
    place.write("l9.toml", config)
    (refused,) = place.said(code=2)
    assert says in refused["message"]
    assert refused["remedy"]


def test_an_l9_toml_that_is_a_folder(place: Place) -> None:
    (place.top / "l9.toml").unlink()
    (place.top / "l9.toml").mkdir()
    (refused,) = place.said(code=2)
    assert refused["message"] == "l9.toml cannot be read"


@pytest.mark.parametrize(
    ("path", "content", "why"),
    [
        ("Dockerfile", "RUNN\n", "Dockerfile cannot be read: line 1: RUNN before the first FROM"),
        ("Dockerfile", f"{DOCKERFILE}RUNN\n", "Dockerfile:5: hadolint cannot read it: "),
        ("Dockerfile", "", "Dockerfile cannot be read: no FROM instruction"),
        ("Dockerfile/x", "", "Dockerfile cannot be read: it is a folder"),
        ("compose.yml", "services: [", "compose.yml cannot be read: line 1: "),
        ("compose.yml", "[" * 5000, "compose.yml cannot be read: it is nested too deep"),
        ("compose.yml", "services: {a: {build: .}, b: {build: .}}", "the compose file has no service for the slots"),
        ("compose.yml/x", "", "compose.yml cannot be read: it is a folder"),
    ],
)  # fmt: skip
def test_a_malformed_dockerfile_or_compose_file(place: Place, path: str, content: str, why: str) -> None:
    place.write(path, content)
    place.commit()
    assert why in place.bad()["workspace.exec-form-command"]


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yml", "requirements.txt", ".env.example"])
def test_links_out_of_the_tree_are_not_followed(place: Place, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("the owner's secret\n", encoding="utf-8")
    (place.top / name).unlink(missing_ok=True)
    (place.top / name).symlink_to("../secret")
    place.commit()
    argv = (sys.executable, "-m", "l9", "check")
    done = subprocess.run(argv, cwd=place.top, env=place.env, capture_output=True, text=True, check=False)
    assert "the owner's secret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    if name in ("Dockerfile", "compose.yml"):
        assert done.returncode == 3
        assert f"{name} cannot be read: it is a link to a path outside the repository" in done.stdout


def test_ten_thousand_files(place: Place) -> None:
    for number in range(10_000):
        folder = place.top / f"pkg{number % 100}"
        folder.mkdir(exist_ok=True)
        (folder / f"mod{number}.py").write_text(f"X = {number}\n", encoding="utf-8")
    place.commit()
    assert all(not one["closes"] for one in place.check(code=0).values())
