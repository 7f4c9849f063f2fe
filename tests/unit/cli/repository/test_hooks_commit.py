"""pre-commit and commit-msg on real commits: exactly what is staged is judged, and nothing else is touched."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from documented import documents
from hooked import CONFIG, Clone, working_copy

LOOSE, EXACT = "fastapi>=1\n", "fastapi==1.0.0\n"


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    clone = working_copy(tmp_path)
    clone.l9("hooks", "install")
    return clone


def stage(clone: Clone, path: str, text: str) -> None:
    clone.write(path, text)
    clone.git("add", path)


def test_what_is_staged_is_judged_and_not_what_lies_there(clone: Clone) -> None:
    stage(clone, "requirements.txt", LOOSE)
    clone.write("requirements.txt", EXACT)
    said = clone.commit("Fix: It", code=1).said
    assert "✘ l9 pre-commit: workspace.dependencies-locked: requirements.txt:1: fastapi>=1" in said
    assert "next      $EDITOR requirements.txt" in said
    assert "· for details and waivers: l9 check --explain workspace.dependencies-locked" in said

    stage(clone, "requirements.txt", EXACT)
    clone.write("requirements.txt", LOOSE)
    clone.commit("Fix: It")
    assert (clone.work / "requirements.txt").read_text() == LOOSE


def test_index_working_directory_and_objects_stay_as_they_are(clone: Clone) -> None:
    stage(clone, "requirements.txt", EXACT)
    clone.write("untracked.py", "")
    clone.write("api.py", "x = 'not staged'\n")
    git = clone.work / ".git"

    def picture() -> dict[Path, bytes]:
        return {
            p: p.read_bytes() for p in git.rglob("*") if p.is_file() and "l9" not in p.relative_to(git).parts
        }

    before = picture()
    clone.l9("hooks", "run", "pre-commit")
    assert picture() == before
    assert clone.git("status", "--porcelain").splitlines() == [
        "M api.py", "M  requirements.txt", "?? untracked.py"
    ]  # fmt: skip


def test_a_partial_commit_is_judged_by_what_it_takes(clone: Clone) -> None:
    stage(clone, "requirements.txt", LOOSE)
    clone.write("api.py", "x = 2\n")
    clone.commit("Fix: It", "api.py")  # requirements.txt stays behind, and loose
    assert clone.git("diff", "--cached", "--name-only") == "requirements.txt"
    clone.git("reset", "--quiet", "--hard")
    clone.write("requirements.txt", LOOSE)
    assert "fastapi>=1" in clone.commit("Fix: It", "requirements.txt", code=1).said
    assert "fastapi>=1" in clone.commit("Fix: It", "--all", code=1).said
    assert clone.git("diff", "--cached", "--name-only") == ""


def test_a_file_that_is_taken_out_is_not_judged(clone: Clone) -> None:
    clone.git("rm", "--quiet", "--cached", "requirements.txt")
    clone.write("requirements.txt", LOOSE)
    clone.commit("Remove: It")


def test_the_staged_l9_toml_is_the_one_that_counts(clone: Clone) -> None:
    stage(clone, "l9.toml", CONFIG.format(release="[check]\nhashes = true\n"))
    assert "every dependency with its hash" in clone.commit("Fix: It", code=1).said
    stage(clone, "l9.toml", "no TOML at all [")
    assert "l9.toml is not TOML" in clone.commit("Fix: It", code=1).said


def test_several_targets_and_no_production(clone: Clone) -> None:
    stage(clone, "l9.toml", 'app = "l9-api"\n[targets.a]\nhost = "local"\n[targets.b]\nhost = "local"\n')
    clone.commit("Fix: It")


def test_a_branch_from_before_l9_came(clone: Clone) -> None:
    clone.git("rm", "--quiet", "l9.toml")
    assert "not in the index: nothing to check" in clone.commit("Remove: It").said


def test_the_first_commit_of_all(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone.git("init", "--quiet", "--initial-branch=main")
    clone.l9("hooks", "install")
    clone.commit("Add: Nothing", "--allow-empty")
    clone.git("update-ref", "-d", "HEAD")
    stage(clone, "l9.toml", CONFIG.format(release=""))
    stage(clone, "requirements.txt", LOOSE)
    assert "fastapi>=1" in clone.commit("Add: It", code=1).said


def test_an_index_with_conflicts(clone: Clone) -> None:
    clone.branch("feature/a", "api.py")
    clone.git("switch", "--quiet", "--create", "feature/b")
    clone.write("api.py", "y = 1\n")
    clone.git("commit", "--quiet", "--no-verify", "--all", "-m", "Add: y")
    clone.git("merge", "--quiet", "feature/a", code=1)
    said = clone.l9("hooks", "run", "pre-commit", code=2)
    assert "an index without conflicts" in said


def test_names_and_files_of_all_kinds(clone: Clone) -> None:
    (clone.work / os.fsdecode(b"latin-\xe9.bin")).write_bytes(bytes(range(256)))
    (clone.work / "link").symlink_to("nowhere")
    stage(clone, "a b/ü\n.txt", "x")
    clone.git("add", "--all")
    clone.git("add", "--intent-to-add", "--all")
    clone.write("later.py", "x = 1\n")
    clone.git("add", "--intent-to-add", "later.py")
    stage(clone, "requirements.txt", EXACT)
    clone.commit("Add: Names")


def test_the_document(clone: Clone) -> None:
    stage(clone, "requirements.txt", LOOSE)
    found = clone.json("hooks", "run", "pre-commit", code=3)
    assert (found["hook"], found["ok"], found["before"]) == ("pre-commit", False, None)
    assert [one["about"] for one in found["remarks"]] == ["workspace.dependencies-locked"]


# ── the files of a release ───────────────────────────────────────────────────────────────────────


def test_a_variable_that_nobody_documented(clone: Clone) -> None:
    stage(clone, ".env.example", "KNOWN=1\n")
    stage(clone, "api.py", 'import os\nos.environ["KNOWN"]\nos.environ["UNHEARD_OF"]\n')
    assert "✘ l9 pre-commit: workspace.env-documented" in clone.commit("Fix: It", code=1).said
    stage(clone, ".env.example", "KNOWN=1\nUNHEARD_OF=1\n")
    clone.write(".env.example", "")
    clone.commit("Fix: It")


def test_a_dockerfile_that_floats(clone: Clone) -> None:
    stage(clone, "Dockerfile", 'FROM python:latest\nUSER app\nHEALTHCHECK CMD ["true"]\nCMD ["true"]\n')
    assert "✘ l9 pre-commit: workspace.no-latest-image" in clone.commit("Fix: It", code=1).said
    digest = "0123456789abcdef" * 4
    stage(
        clone,
        "Dockerfile",
        (clone.work / "Dockerfile").read_text().replace(":latest", f":3.12@sha256:{digest}"),
    )
    clone.commit("Fix: It")


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────

KEY = "AKIA" + "QYLPMN5HHHFPZAM2"  # of nobody; in two parts, so that this file holds none


def test_a_secret_is_found_where_it_is_staged_and_never_shown(clone: Clone) -> None:
    stage(clone, "api.py", f'KEY = "{KEY}"\n')
    clone.write("api.py", "x = 1\n")
    said = clone.commit("Add: A key", code=1).said
    assert "✘ l9 pre-commit: repository.no-secrets: 1 found; api.py:1 AWS Access Key\n" in said
    assert "expected  no secrets in the changes since HEAD" in said
    assert KEY not in said
    stage(clone, "api.py", "x = 1\n")
    clone.write("api.py", f'KEY = "{KEY}"\n')
    clone.commit("Fix: It")
    stage(clone, "api.py", f'KEY = "{KEY}"  # pragma: allowlist secret\n')
    clone.commit("Add: A key that is none")


def test_one_that_was_there_before_is_not_this_commits_fault(clone: Clone) -> None:
    stage(clone, "old.py", f'KEY = "{KEY}"\n')
    clone.git("commit", "--quiet", "--no-verify", "-m", "Add: A key")
    stage(clone, "api.py", "x = 1\n")
    clone.commit("Fix: It")


def test_a_secret_in_the_first_commit(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone.git("init", "--quiet", "--initial-branch=main")
    clone.l9("hooks", "install")
    stage(clone, "l9.toml", CONFIG.format(release=""))
    stage(clone, "api.py", f'KEY = "{KEY}"\n')
    assert "repository.no-secrets: 1 found; api.py:1" in clone.commit("Add: It", code=1).said


# ── the quick stage ──────────────────────────────────────────────────────────────────────────────

RUFF = "[tool.ruff]\nline-length = 100\n"
HERE = '[cgmp]\nwhere = "process"\n'


def test_formatters_see_what_is_staged(clone: Clone) -> None:
    stage(clone, "l9.toml", CONFIG.format(release=HERE))
    stage(clone, "pyproject.toml", RUFF)
    clone.commit("Add: A formatter")
    stage(clone, "api.py", "x  =  1\n")
    clone.write("api.py", "x = 1\n")
    said = clone.commit("Fix: It", code=1).said
    assert "✘ l9 pre-commit: FIX: exit code 1" in said
    assert "1 file would be reformatted" in said
    assert "next      python -m ruff format --check ." in said
    stage(clone, "api.py", "x = 1\n")
    clone.write("api.py", "x  =  1\n")
    clone.commit("Fix: It")
    assert (clone.work / "api.py").read_text() == "x  =  1\n"


def test_what_would_edit_files_is_noticed_and_edits_none(clone: Clone) -> None:
    edits = '[hooks]\ncommands = [["sh", "-c", "echo y >> api.py"]]\n'
    stage(clone, "l9.toml", CONFIG.format(release=edits))
    said = clone.commit("Fix: It", code=1).said
    assert "it changed 1 files: api.py" in said
    assert (clone.work / "api.py").read_text() == "x = 0\n"


def test_commands_of_ones_own_know_no_repository(clone: Clone) -> None:
    looks = '[["sh", "-c", "test -f requirements.txt && ! git rev-parse --git-dir && ! env | grep ^GIT_DIR"]]'
    stage(clone, "l9.toml", CONFIG.format(release=f"[hooks]\ncommands = {looks}\n"))
    clone.commit("Fix: It")
    stage(clone, "l9.toml", CONFIG.format(release='[hooks]\ncommands = [["false"]]\n'))
    assert "✘ l9 pre-commit: FIX: exit code 1" in clone.commit("Fix: It", code=1).said
    stage(clone, "l9.toml", CONFIG.format(release='[hooks]\ncommands = [["no-such-program"]]\n'))
    assert "no-such-program cannot be run" in clone.commit("Fix: It", code=1).said


def test_an_image_is_not_built_for_a_commit(clone: Clone) -> None:
    stage(clone, "pyproject.toml", RUFF)
    assert "⚠ l9 pre-commit: FIX: runs in the release's image" in clone.commit("Add: It").said
    stage(clone, "l9.toml", CONFIG.format(release="[hooks]\ncommands = []\n"))
    assert "FIX" not in clone.commit("Fix: It").said
    stage(clone, "l9.toml", CONFIG.format(release='[cgmp.skip]\nfix = "done by an editor"\n'))
    assert "FIX" not in clone.commit("Fix: It").said


def test_what_was_seen_green_is_not_run_again_by_cgmp(clone: Clone) -> None:
    stage(clone, "l9.toml", CONFIG.format(release=HERE + 'fix = [["true"]]\n'))
    clone.commit("Fix: It")
    (found,) = documents_of(
        clone.run(sys.executable, "-P", "-m", "l9", "cgmp", "--stage", "fix", "--json").out
    )
    assert [one["cached"] for one in found["answer"]["stages"]] == [True]


def documents_of(out: str) -> list[dict[str, Any]]:
    """The last of the lines that a run printed."""
    return documents(out)[-1:]


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("did some things", "begin with a type"),
        ("Fix: " + "x" * 50, "at most 50"),
        ("Fix: It\nand more", "leave the second line blank"),
    ],
)
def test_a_message_out_of_form(clone: Clone, message: str, said: str) -> None:
    shown = clone.run("git", "commit", "--allow-empty", "-m", message, code=1).said
    assert "✘ l9 commit-msg: the message: " in shown
    assert said in shown
    assert "next      git commit --edit --file=.git/COMMIT_EDITMSG" in shown
    assert said in clone.run("git", "commit", "--allow-empty", "--file=.git/COMMIT_EDITMSG", code=1).said


def test_what_only_looks_like_a_fault_stops_nothing(clone: Clone) -> None:
    said = clone.commit("Fix: Fixed the thing", "--allow-empty").said
    assert "⚠ l9 commit-msg: the message: use the imperative" in said


def test_the_form_may_be_advice(clone: Clone) -> None:
    clone.write("l9.toml", CONFIG.format(release='[hooks]\nmessage_form = "advised"\n'))
    assert "⚠ l9 commit-msg: the message: begin with a type" in clone.commit("feat: it", "--allow-empty").said


@pytest.mark.parametrize("subject", ["fixup! Add: The first of it", "squash! Add: The first of it"])
def test_what_git_writes_itself_is_fine(clone: Clone, subject: str) -> None:
    clone.commit(subject, "--allow-empty")


def test_merges_and_reverts_are_fine(clone: Clone) -> None:
    clone.branch()
    clone.run("git", "merge", "--no-ff", "--no-edit", "feature/x")
    clone.change()
    clone.run("git", "revert", "--no-edit", "HEAD")


def edit(clone: Clone, text: str, *args: str, code: int = 0, **env: str) -> str:
    """Commit with an editor that writes `text` before all that git has put into the file."""
    editor = clone.work.parent / "editor"
    editor.write_text('#!/bin/sh\ncp "$1" "$1.git"; printf %s "$L9_TEXT" > "$1"; cat "$1.git" >> "$1"\n')
    editor.chmod(0o755)
    env = {"GIT_EDITOR": str(editor), "L9_TEXT": text, **env}
    return clone.run("git", "commit", "--allow-empty", *args, code=code, **env).said


def test_what_an_editor_leaves(clone: Clone) -> None:
    stage(
        clone,
        "api.py",
        "x = 'Fixed: this line is of the diff, and much too long for the subject of a message'\n",
    )
    assert "begin with a type" in edit(clone, "# Fix: A remark\nno type\n", "--verbose", code=1)
    edit(clone, "# a remark, which is taken out\n\nFix: It\n", "--verbose")
    edit(clone, "Fix: It\n# a remark below\n")
    clone.git("config", "core.commentChar", ";")
    edit(clone, "; a remark\nFix: It\n; another\n", "--verbose")
    clone.git("config", "core.commentChar", "auto")
    edit(clone, "Fix: It\n", "--verbose")
    clone.git("config", "commit.cleanup", "scissors")
    edit(clone, "Fix: It\n\n# kept\n")
    assert clone.git("log", "-1", "--format=%B") == "Fix: It\n\n# kept"


def test_a_message_that_is_given_keeps_its_signs(clone: Clone) -> None:
    assert "begin with a type" in clone.commit("#12: something", "--allow-empty", code=1).said


def test_no_file_to_judge(clone: Clone) -> None:
    assert "the commit message's file is required" in clone.l9("hooks", "run", "commit-msg", code=2)
    assert "No such file" in clone.l9("hooks", "run", "commit-msg", "nothing-there", code=3)
