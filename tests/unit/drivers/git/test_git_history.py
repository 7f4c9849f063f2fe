"""The last release, and what was said since, on real repositories."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from l9.checks.git.facts import LastRelease
from l9.configuration import parse
from l9.drivers.git import history as git_history
from l9.drivers.git.history import GitHistory
from l9.errors import ActionError

CONFIG = parse('app = "a"\n[targets.production]\nhost = "local"\n')


class Told:
    """A repository with an origin."""

    def __init__(self, top: Path, origin: Path) -> None:
        self.top, self.origin = top, origin

    @property
    def history(self) -> GitHistory:
        return GitHistory(self.top, CONFIG, self.top / ".git" / "l9")

    def git(self, *args: str, cwd: Path | None = None) -> str:
        done = subprocess.run(("git", *args), cwd=cwd or self.top, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, message: str = "Add: Something", *args: str) -> str:
        self.git("commit", "--quiet", "--allow-empty", "--allow-empty-message", "-m", message, *args)
        return self.git("rev-parse", "HEAD")

    def release(self, tag: str, *, push: bool = True) -> str:
        commit = self.commit(f"Add: What {tag} is for")
        self.git("tag", "--annotate", tag, "-m", f"Release {tag}: Something")
        if push:
            self.git("push", "--quiet", "origin", "main", tag)
        return commit


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    for kind in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{kind}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{kind}_EMAIL", "ada@l9.invalid")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    made = Told(tmp_path / "work", tmp_path / "origin.git")
    made.git("init", "--quiet", "--bare", "--initial-branch=main", str(made.origin), cwd=tmp_path)
    made.git("init", "--quiet", "--initial-branch=main", str(made.top), cwd=tmp_path)
    made.git("remote", "add", "origin", str(made.origin))
    return made


def test_before_the_first_release(told: Told) -> None:
    commit = told.release("v1.0.0-l9")
    assert told.history.last_release("v1.0.0-l9", commit) == LastRelease()
    assert [m.commit for m in told.history.messages("v1.0.0-l9", commit).commits] == [commit]


def test_the_highest_before_it_by_version(told: Told) -> None:
    commits = {
        tag: told.release(tag) for tag in ("v1.9.0-l9", "v1.10.0-l9", "v1.2.0-l9", "note", "v2.0.0-l9")
    }
    found = told.history.last_release("v2.0.0-l9", commits["v2.0.0-l9"])
    assert found == LastRelease("v1.10.0-l9", commits["v1.10.0-l9"])
    assert told.history.last_release("", commits["v2.0.0-l9"]).tag == "v1.10.0-l9"


def test_releases_after_it_and_beside_it_are_not_before_it(told: Told) -> None:
    first = told.release("v1.0.0-l9")
    told.git("tag", "--annotate", "v1.0.1-l9", "-m", "On the same commit")
    told.git("push", "--quiet", "origin", "v1.0.1-l9")
    told.release("v1.1.0-l9")
    assert told.history.last_release("v1.0.0-l9", first) == LastRelease()


def test_a_tag_that_was_never_pushed_is_no_release(told: Told) -> None:
    told.release("v1.0.0-l9")
    told.release("v1.1.0-l9", push=False)
    told.git("tag", "v1.2.0-l9")
    commit = told.release("v1.3.0-l9", push=False)
    assert told.history.last_release("v1.3.0-l9", commit).tag == "v1.0.0-l9"


@pytest.mark.parametrize("gone", ["removed", "unreachable"])
def test_where_origin_cannot_be_asked_the_tags_here_count(told: Told, gone: str) -> None:
    told.release("v1.0.0-l9")
    told.release("v1.1.0-l9", push=False)
    commit = told.commit()
    if gone == "removed":
        told.git("remote", "remove", "origin")
    else:
        shutil.rmtree(told.origin)
    assert told.history.last_release("v1.2.0-l9", commit).tag == "v1.1.0-l9"


def test_a_shallow_clone_does_not_guess(told: Told, tmp_path: Path) -> None:
    told.release("v1.0.0-l9")
    commit = told.release("v1.1.0-l9")
    told.git(
        "clone", "--quiet", "--depth=1", f"file://{told.origin}", str(tmp_path / "shallow"), cwd=tmp_path
    )
    shallow = Told(tmp_path / "shallow", told.origin)
    with pytest.raises(ActionError, match="shallow") as refused:
        shallow.history.messages("v1.1.0-l9", commit)
    assert refused.value.remedy == "git fetch --unshallow origin +refs/heads/main:refs/remotes/origin/main"


def test_messages_since_the_last_release(told: Told) -> None:
    told.release("v1.0.0-l9")
    told.git("switch", "--quiet", "--create", "feature/x")
    told.commit("Fix: Größe\n\nFixes: #3")
    told.git("switch", "--quiet", "main")
    told.commit("")
    told.git("merge", "--quiet", "--no-ff", "--no-edit", "feature/x")
    found = told.history.messages("", told.git("rev-parse", "HEAD"))
    assert (found.since, found.more) == ("v1.0.0-l9", False)
    assert [(m.parents, m.text.strip()) for m in found.commits] == [
        (2, "Merge branch 'feature/x'"),
        (1, ""),
        (1, "Fix: Größe\n\nFixes: #3"),
    ]


def test_a_long_history_is_read_in_part(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    told.release("v1.0.0-l9")
    monkeypatch.setattr(git_history, "MOST_MESSAGES", 2)
    for _ in range(3):
        commit = told.commit()
    found = told.history.messages("", commit)
    assert (len(found.commits), found.more) == (2, True)


def test_a_commit_that_is_not_there(told: Told) -> None:
    told.commit()
    with pytest.raises(ActionError) as refused:
        told.history.messages("", "f" * 40)
    assert refused.value.remedy.startswith("git for-each-ref")
