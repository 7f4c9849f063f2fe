"""`l9 branches` on real repositories: what is listed, how old it is, and what is told of main's protection."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from documented import documents
from l9.checks.git.facts import Protection
from l9.checks.git.protection import Policy
from l9.core.facts import Unseen
from l9.operator.branch_protection import protection
from l9.operator.protect import BareRepository

DAY = 86_400
CONFIG = 'app = "a"\n[targets.production]\nhost = "local"\n'


class Branchy:
    """A working copy with an origin. Its commits are made at times that the test names."""

    def __init__(self, root: Path) -> None:
        self.work, self.origin = root / "work", root / "origin.git"
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.origin), cwd=root)
        self.git("init", "--quiet", "--initial-branch=main", str(self.work), cwd=root)
        (self.work / "l9.toml").write_text(CONFIG, encoding="utf-8")

    def git(self, *args: str, cwd: Path | None = None, days: float = 0) -> str:
        at = f"@{int(time.time() - days * DAY)} +0000"
        who = {f"GIT_{w}_{k}": "a@l9.invalid" for w in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
        env = {**os.environ, **who, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
        done = subprocess.run(("git", *args), cwd=cwd or self.work, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, days: float = 0) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "Add: Something", days=days)

    def branch(self, name: str, *days: float) -> None:
        """A branch off main with one commit for each of these ages; main is checked out again."""
        self.git("switch", "--quiet", "--create", name, "main")
        for age in days:
            self.commit(age)
        self.git("switch", "--quiet", "main")

    def push(self, *names: str) -> None:
        self.git("remote", "add", "origin", str(self.origin))
        self.git("push", "--quiet", "origin", *names)

    def l9(self, *args: str) -> str:
        done = subprocess.run(
            (sys.executable, "-m", "l9", *args), cwd=self.work, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout

    def listed(self) -> dict[tuple[str, str], dict[str, Any]]:
        (found,) = documents(self.l9("branches", "--json"))
        return {(one["where"], one["name"]): one for one in found["branches"]}


@pytest.fixture
def branchy(tmp_path: Path) -> Branchy:
    return Branchy(tmp_path)


def test_before_the_first_commit(branchy: Branchy) -> None:
    (found,) = documents(branchy.l9("branches", "--json"))
    assert (found["known"], found["branches"]) == (False, [])
    assert branchy.l9("branches").splitlines() == [
        "branch main not found: nothing to compare with",
        "0 branches beside main, 0 older than a week",
    ]


def test_without_a_main_nothing_is_compared(branchy: Branchy) -> None:
    branchy.commit(9)
    branchy.git("branch", "--move", "feature/x")
    found = branchy.listed()["local", "feature/x"]
    assert (found["ahead"], found["merged"], found["old"], found["well_named"]) == (None, False, True, True)
    assert "not compared; older than a week" in branchy.l9("branches")


def test_age_and_distance(branchy: Branchy) -> None:
    branchy.commit(20)
    branchy.branch("feature/old", 9, 2)
    branchy.branch("topic", 1)
    branchy.branch("bugfix/1-done")
    branchy.commit(3)
    branchy.push("main", "feature/old")
    branchy.git("switch", "--quiet", "--detach")
    found = branchy.listed()
    assert set(found) == {
        ("local", "bugfix/1-done"), ("local", "feature/old"), ("local", "topic"), ("origin", "feature/old"),
    }  # fmt: skip
    old = found["local", "feature/old"]
    assert (old["ahead"], old["behind"], old["old"], round(old["days"])) == (2, 1, True, 9)
    assert old["at"] - old["began"] == pytest.approx(7 * DAY, abs=5)
    assert [found["local", "topic"][k] for k in ("ahead", "old", "well_named")] == [1, False, False]
    assert [found["local", "bugfix/1-done"][k] for k in ("merged", "old")] == [
        True,
        False,
    ]  # however old its commit
    text = branchy.l9("branches")
    assert "⚠ feature/old" in text
    assert "2 ahead, 1 behind; older than a week" in text
    assert text.splitlines()[-1] == "4 branches beside main, 2 older than a week"


def test_a_check_tells_and_closes_nothing(branchy: Branchy) -> None:
    branchy.commit(20)
    branchy.branch("topic", 9)
    (found,) = documents(branchy.l9("check", "--substrate", "repository", "--json"))
    told = {one["id"]: (one["verdict"], one["excused"], one["found"]) for one in found["invariants"]}
    assert told["repository.branch-names"] == ("fail", "advice", "topic")
    assert told["repository.branches-short-lived"] == ("fail", "advice", "topic (9 days)")
    assert told["repository.main-protected"] == ("unknown", "advice", "no remote named origin")


# ── main's protection ────────────────────────────────────────────────────────────────────────────


def test_an_origin_on_this_machine(branchy: Branchy) -> None:
    branchy.commit()
    branchy.push("main")
    before = protection(branchy.work, "main")
    assert before == Protection("main", "", f"l9 protect bare {branchy.origin}")
    BareRepository(branchy.origin).apply(Policy(), None)
    after = protection(branchy.work, "main")
    assert isinstance(after, Protection) and after.by == "l9's pre-receive hook"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "no remote named origin"),
        ("ssh://git@example.invalid/a.git", "cannot be read from here"),
        ("https://github.com/ada/app.git", "gh cannot be run"),
    ],
)
def test_what_cannot_be_seen(
    branchy: Branchy, url: str | None, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On a machine with git and nothing else."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to("/usr/bin/git")
    if url:
        branchy.git("remote", "add", "origin", url)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = protection(branchy.work, "main")
    assert isinstance(found, Unseen)
    assert said in found.reason
    assert found.remedy


@pytest.mark.parametrize(
    ("script", "by"),
    [
        (
            """echo '[{"type": "pull_request"}, {"type": "deletion"}]'""",
            "GitHub's rules (pull_request, deletion)",
        ),
        ("echo '[]'", ""),
        ("exit 1", None),
    ],
)
def test_an_origin_on_github(
    branchy: Branchy, script: str, by: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`gh` itself is not here: a program of its name answers as it does."""
    gh = tmp_path / "gh"
    gh.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    branchy.git("remote", "add", "origin", "git@github.com:ada/app.git")
    found = protection(branchy.work, "main")
    assert (found.by if isinstance(found, Protection) else None) == by
