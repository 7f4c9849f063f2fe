"""Working copies that nothing is released from."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.refusals import Desk
from e2e.refusing_stage import LIVE, NEXT

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(120)]


def _changed(desk: Desk) -> str:
    (desk.work / "README.md").write_text("changed", encoding="utf-8")
    return "README.md"


def _staged(desk: Desk) -> str:
    (desk.work / "api" / "new.py").write_text("", encoding="utf-8")
    desk.git("add", "--all")
    return "api/new.py"


def _renamed(desk: Desk) -> str:
    desk.git("mv", "README.md", "READ ME.md")
    return "READ ME.md"


def _deleted(desk: Desk) -> str:
    (desk.work / "README.md").unlink()
    return "README.md"


@pytest.mark.parametrize("change", [_changed, _staged, _renamed, _deleted])
def test_uncommitted_change(desk: Desk, change: Callable[[Desk], str]) -> None:
    path = change(desk)
    answer = desk.refused("deploy", NEXT, code=3, says=("no uncommitted changes", path))
    assert answer.remedies == ["git commit --all"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("notes.txt", "notes.txt"),
        ("my notes.txt", "my notes.txt"),
        ("Größe.txt", "Größe.txt"),
        ("two\nlines", r"'two\nlines'"),
        ("red\x1b[31m", r"'red\x1b[31m'"),
        ("-rf", "-rf"),
    ],
    ids=ascii,
)
def test_untracked_file(desk: Desk, name: str, shown: str) -> None:
    (desk.work / name).touch()
    answer = desk.refused("deploy", NEXT, code=3, says=("no untracked files",))
    assert answer.findings[0]["found"] == shown


def test_detached_head(desk: Desk) -> None:
    desk.git("switch", "--quiet", "--detach")
    answer = desk.refused("deploy", NEXT, code=3, says=("branch main checked out", "a detached HEAD"))
    assert answer.remedies == ["git switch main"]


def test_wrong_branch(desk: Desk) -> None:
    desk.git("switch", "--quiet", "--create", "topic")
    desk.refused("deploy", NEXT, code=3, says=("branch main checked out", "topic"))


def test_not_a_git_repository(desk: Desk) -> None:
    shutil.rmtree(desk.work / ".git")
    desk.env["GIT_CEILING_DIRECTORIES"] = str(desk.work.parent)
    for command in (("deploy", NEXT), ("cgmp",), ("plan", NEXT)):
        answer = desk.refused(*command, code=2, says=("not inside a git working copy",))
        assert answer.remedies == ["git init"]


def test_no_configuration(desk: Desk) -> None:
    (desk.work / "l9.toml").unlink()
    answer = desk.refused("status", code=2, says=("no l9.toml",))
    assert answer.remedies == ["l9 init"]


def test_configuration_that_is_there_already(desk: Desk) -> None:
    answer = desk.refused("init", code=2, says=("l9.toml already exists",))
    assert answer.remedies == ["l9 config show"]


def test_repository_without_commits(desk: Desk) -> None:
    shutil.rmtree(desk.work / ".git")
    desk.git("init", "--quiet", "--initial-branch=main")
    desk.refused("deploy", NEXT, code=3, says=("no such tag", "no untracked files"))
    desk.refused("cgmp", code=2, says=("no commits yet",))


def test_shallow_clone(desk: Desk, tmp_path: Path) -> None:
    shallow = Desk(desk.stage, tmp_path / "shallow", desk.origin)
    desk.git("clone", "--quiet", "--depth=1", f"file://{desk.origin}", str(shallow.work))
    shallow.git("fetch", "--quiet", "--depth=1", "origin", "tag", LIVE)
    answer = shallow.refused("deploy", LIVE, code=3, says=("a shallow clone",))
    assert answer.remedies == ["git fetch --unshallow origin +refs/heads/main:refs/remotes/origin/main"]
    subprocess.run(shlex.split(answer.remedies[0]), cwd=shallow.work, check=True, capture_output=True)
    shutil.copy(desk.work / ".env.local", shallow.work)  # the stages start the release on a database
    assert shallow.l9("cgmp", LIVE).returncode == 0


def test_working_copy_that_cannot_be_written(desk: Desk) -> None:
    shutil.rmtree(desk.work / ".git" / "l9")
    (desk.work / ".git" / "l9").touch()
    desk.refused("deploy", NEXT, code=3, says=("a file operation failed on this machine", ".git/l9"))


def test_journal_of_the_working_copy_is_broken(desk: Desk) -> None:
    with (desk.work / ".git" / "l9" / "journal.jsonl").open("a", encoding="utf-8") as journal:
        journal.write("not an entry\n" * 2)
    answer = desk.refused("cgmp", NEXT, code=5, says=("the journal's last lines are not entries",))
    subprocess.run(shlex.split(answer.remedies[0]), check=True)
    assert desk.l9("cgmp", NEXT).returncode == 0


def test_a_hooks_variables_do_not_lead_to_its_repository(desk: Desk, tmp_path: Path) -> None:
    desk.git("init", "--quiet", str(tmp_path / "other"))
    desk.env.update({"GIT_DIR": str(tmp_path / "other" / ".git"), "GIT_WORK_TREE": str(tmp_path / "other")})
    assert desk.l9("cgmp", NEXT).returncode == 0
    assert desk.l9("drift").returncode == 0
