"""`l9 hooks install|status|remove` on real repositories: what was there is kept, runs, and comes back."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from hooked import Clone, working_copy

NAMES = ("pre-commit", "commit-msg", "pre-push")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return working_copy(tmp_path)


def hook(clone: Clone, name: str, text: str, where: str = ".git/hooks", mode: int = 0o755) -> Path:
    path = clone.work / where / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def picture(directory: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below, with its mode and its bytes."""
    return {
        str(p.relative_to(directory)): (stat.S_IMODE(p.lstat().st_mode), p.read_bytes())
        for p in directory.rglob("*")
        if p.is_file()
    }


def states(clone: Clone) -> dict[str, str]:
    return {one["name"]: one["state"] for one in clone.json("hooks", "status")["hooks"]}


def test_installed_twice_and_removed(clone: Clone) -> None:
    before = picture(clone.work / ".git")
    assert states(clone) == dict.fromkeys(NAMES, "absent")
    assert not clone.json("hooks", "status")["ready"]
    shown = clone.l9("hooks", "install")
    assert "✔ installed" in shown
    assert 'if you work alone: [release] review = "none"' in shown
    once = picture(clone.work / ".git")
    assert clone.json("hooks", "install")["ready"]
    assert picture(clone.work / ".git") == once
    assert {n for n in once if n not in before} == {f"hooks/{name}" for name in NAMES}
    clone.l9("hooks", "remove")
    assert picture(clone.work / ".git") == before
    assert states(clone) == dict.fromkeys(NAMES, "absent")


def test_a_hook_that_is_there_is_kept_runs_and_comes_back(clone: Clone) -> None:
    hook(clone, "pre-commit", '#!/bin/sh\necho "$0 ran" >> ran; exit ${FAIL:-0}\n', mode=0o700)
    hook(
        clone,
        "commit-msg",
        '#!/usr/bin/env python3\nimport sys; open("ran", "a").write(sys.argv[1] + "\\n")\n',
    )
    before = picture(clone.work / ".git" / "hooks")
    clone.l9("hooks", "install")
    found = clone.json("hooks", "status")["hooks"][0]
    assert (found["state"], found["kept_runs"]) == ("installed", True)
    assert "pre-commit.before-l9 runs first" in clone.l9("hooks", "status")

    clone.write("api.py", "x = 2\n")
    clone.git("add", "api.py")
    assert clone.run("git", "commit", "-m", "Fix: It", code=1, FAIL="9").code == 1
    clone.commit("Fix: It")
    its_own_name = str(clone.work / ".git" / "hooks" / "pre-commit")
    said = (clone.work / "ran").read_text().splitlines()
    assert said == [f"{its_own_name} ran"] * 2 + [".git/COMMIT_EDITMSG"]
    clone.write("requirements.txt", "fastapi>=1\n")
    clone.git("add", "requirements.txt")
    assert "fastapi>=1" in clone.commit("Fix: It", code=1).said  # the kept one is content, ours is not

    clone.l9("hooks", "remove")
    assert picture(clone.work / ".git" / "hooks") == before


def test_a_kept_hook_reads_what_git_tells_it(clone: Clone) -> None:
    hook(clone, "pre-push", '#!/bin/sh\ncat > told; echo "$1" >> told\n')
    clone.l9("hooks", "install")
    clone.git("switch", "--quiet", "--create", "feature/x")
    clone.change()
    clone.push("origin", "feature/x")
    told = (clone.work / "told").read_text().split()
    assert (told[0], told[2], told[-1]) == ("refs/heads/feature/x", "refs/heads/feature/x", "origin")


def test_a_hook_that_git_would_not_run_is_not_run(clone: Clone) -> None:
    hook(clone, "pre-commit", "#!/bin/sh\nexit 1\n", mode=0o644)
    clone.l9("hooks", "install")
    assert "pre-commit.before-l9 is not executable" in clone.l9("hooks", "status")
    clone.write("api.py", "x = 2\n")
    clone.git("add", "api.py")
    clone.commit("Fix: It")


def test_a_link_is_kept_as_a_link(clone: Clone) -> None:
    shared = hook(clone, "shared.sh", "#!/bin/sh\nexit 0\n", where="tools")
    path = clone.work / ".git" / "hooks" / "pre-commit"
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(shared)
    clone.l9("hooks", "install")
    assert not path.is_symlink()
    clone.l9("hooks", "remove")
    assert Path(os.readlink(path)) == shared


def test_another_tool_in_between_is_not_run_in_circles(clone: Clone) -> None:
    """Some tools keep the hook that they find and call it; ours, found so, must not call theirs again."""
    clone.l9("hooks", "install")
    hooks = clone.work / ".git" / "hooks"
    (hooks / "pre-commit").rename(hooks / "pre-commit.legacy")
    hook(
        clone, "pre-commit", '#!/bin/sh\necho theirs >> ran; exec "$(dirname "$0")/pre-commit.legacy" "$@"\n'
    )
    assert states(clone)["pre-commit"] == "other"
    clone.l9("hooks", "install")
    clone.write("api.py", "x = 2\n")
    clone.git("add", "api.py")
    clone.commit("Fix: It")
    assert (clone.work / "ran").read_text() == "theirs\n"


def test_two_foreign_hooks_are_for_a_person(clone: Clone) -> None:
    hook(clone, "pre-commit", "#!/bin/sh\n# one\n")
    clone.l9("hooks", "install")
    hook(clone, "pre-commit", "#!/bin/sh\n# two\n")
    assert "two hooks that l9 did not write" in clone.l9("hooks", "install", code=2)
    assert clone.json("hooks", "remove")["hooks"][0]["state"] == "other"  # nothing of others is taken away
    hook(clone, "pre-commit", "#!/bin/sh\n# one\n")
    clone.l9("hooks", "install")
    clone.l9("hooks", "remove")
    assert states(clone)["pre-commit"] == "other"


def test_hooks_that_another_l9_wrote_are_written_anew(clone: Clone) -> None:
    clone.l9("hooks", "install")
    path = clone.work / ".git" / "hooks" / "pre-push"
    path.write_text(path.read_text().replace("python=", "python=/gone"))
    assert states(clone)["pre-push"] == "outdated"
    clone.l9("hooks", "install")
    assert states(clone)["pre-push"] == "installed"
    path.chmod(0o644)
    assert states(clone)["pre-push"] == "outdated"


def test_when_l9_is_gone_the_hook_says_so(clone: Clone) -> None:
    clone.l9("hooks", "install")
    path = clone.work / ".git" / "hooks" / "pre-commit"
    for line in ("python=", "package="):
        text = path.read_text()
        changed = "\n".join(f"{line}'/no such/place'" if x.startswith(line) else x for x in text.splitlines())
        path.write_text(changed)
        said = clone.commit("Fix: It", "--allow-empty", code=1).said
        assert "pre-commit: l9 not found at" in said
        assert "rm .git/hooks/pre-commit" in said
        path.write_text(text)


def test_a_package_of_the_same_name_in_the_repository_is_not_taken_for_ours(clone: Clone) -> None:
    clone.write("l9/__init__.py", "raise SystemExit('not this one')\n")
    clone.write("json.py", "raise SystemExit('nor this one')\n")
    clone.l9("hooks", "install")
    clone.git("add", "--all")
    clone.commit("Add: A package")


def test_a_place_with_blanks_and_letters_of_all_kinds(tmp_path: Path) -> None:
    clone = working_copy(tmp_path / "mein 'Projekt' für Ä$HOME")
    clone.l9("hooks", "install")
    clone.commit("Fix: It", "--allow-empty")
    clone.write("requirements.txt", "fastapi>=1\n")
    clone.git("add", "requirements.txt")
    assert "fastapi>=1" in clone.commit("Fix: It", code=1).said


# ── core.hooksPath ───────────────────────────────────────────────────────────────────────────────


def test_a_hooks_path_outside_is_left_alone(clone: Clone, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    clone.git("config", "core.hooksPath", str(shared))
    said = clone.l9("hooks", "install", code=2)
    assert "is outside" in said
    assert 'l9 hooks run pre-push -- "$@"' in said
    assert "git config --local core.hooksPath" in said
    assert list(shared.iterdir()) == []


def test_a_hooks_path_inside_is_used_and_git_does_not_see_it(clone: Clone) -> None:
    clone.git("config", "core.hooksPath", ".githooks")
    exclude = clone.work / ".git" / "info" / "exclude"
    before = exclude.read_bytes() if exclude.exists() else None
    hook(clone, "pre-commit", "#!/bin/sh\necho kept >> ran\n", where=".githooks")
    found = clone.json("hooks", "install")
    assert found["hooks_path"] == ".githooks"
    assert found["directory"] == str(clone.work / ".githooks")
    assert clone.git("status", "--porcelain") == ""
    clone.commit("Fix: It", "--allow-empty")
    assert (clone.work / "ran").read_text() == "kept\n"
    clone.l9("hooks", "remove")
    assert (exclude.read_bytes() if exclude.exists() else None) == before
    assert os.listdir(clone.work / ".githooks") == ["pre-commit"]


def test_a_hook_that_the_repository_tracks_is_for_a_person(clone: Clone) -> None:
    clone.git("config", "core.hooksPath", ".githooks")
    hook(clone, "pre-push", "#!/bin/sh\n", where=".githooks")
    clone.git("add", "--all")
    clone.commit("Add: Hooks")
    said = clone.l9("hooks", "install", code=2)
    assert "pre-push is tracked by this repository" in said
    assert 'l9 hooks run pre-push -- "$@"' in said
    assert os.listdir(clone.work / ".githooks") == ["pre-push"]


def test_husky_keeps_its_own_hooks(clone: Clone) -> None:
    hook(clone, "pre-commit", "#!/bin/sh\n", where=".husky/_")
    clone.git("config", "core.hooksPath", ".husky/_")
    assert '.husky/pre-commit: l9 hooks run pre-commit -- "$@"' in clone.l9("hooks", "install", code=2)


# ── unusual repositories ─────────────────────────────────────────────────────────────────────────


def test_a_worktree_shares_the_hooks(clone: Clone, tmp_path: Path) -> None:
    clone.git("worktree", "add", "--quiet", "-b", "feature/x", str(tmp_path / "tree"))
    tree = Clone(tmp_path / "tree")
    tree.l9("hooks", "install")
    assert states(clone) == dict.fromkeys(NAMES, "installed")
    tree.write("requirements.txt", "fastapi>=1\n")
    tree.git("add", "requirements.txt")
    assert "fastapi>=1" in tree.commit("Fix: It", code=1).said
    clone.commit("Fix: It", "--allow-empty")  # what is staged in the other one is not asked for


def test_a_git_directory_elsewhere(clone: Clone, tmp_path: Path) -> None:
    (clone.work / ".git").rename(tmp_path / "elsewhere.git")
    where = {"GIT_DIR": str(tmp_path / "elsewhere.git"), "GIT_WORK_TREE": str(clone.work)}
    clone.git("init", "--quiet", f"--separate-git-dir={tmp_path / 'elsewhere.git'}")
    clone.l9("hooks", "install")
    (clone.work / ".git").unlink()  # from here on only the environment says where it is
    clone.write("requirements.txt", "fastapi>=1\n")
    clone.git("add", "requirements.txt", **where)
    assert "fastapi>=1" in clone.run("git", "commit", "-m", "Fix: It", code=1, **where).said


def test_no_repository_at_all(tmp_path: Path) -> None:
    assert "not inside a git working copy" in Clone(tmp_path).l9("hooks", "status", code=2)


def test_a_repository_of_another_user(clone: Clone) -> None:
    """git's own way to try this without another user."""
    done = clone.run(
        sys.executable, "-P", "-m", "l9", "hooks", "install", code=2, GIT_TEST_ASSUME_DIFFERENT_OWNER="1"
    )
    assert "dubious ownership" in done.said
    assert f"git config --global --add safe.directory {clone.work}" in done.said


def test_a_submodule_has_hooks_of_its_own(clone: Clone, tmp_path: Path) -> None:
    working_copy(tmp_path / "inner")
    clone.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet",
              str(tmp_path / "inner" / "origin.git"), "inner")  # fmt: skip
    clone.l9("hooks", "install")
    inner = Clone(clone.work / "inner")
    assert states(inner) == dict.fromkeys(NAMES, "absent")
    inner.l9("hooks", "install")
    assert states(inner) == dict.fromkeys(NAMES, "installed")
    inner.write("requirements.txt", "fastapi>=1\n")
    inner.git("add", "requirements.txt")
    assert "fastapi>=1" in inner.commit("Fix: It", code=1).said
    clone.commit("Add: A submodule")
