"""The hooks as pre-commit and prek run them, from this project as it is published: the real tools, a real install."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hooked import BOB, Clone, working_copy

PROJECT = Path(__file__).parents[4]
CONFIG = """\
default_install_hook_types: [pre-commit, commit-msg, pre-push]
repos:
  - repo: file://{source}
    rev: {rev}
    hooks: [{{id: l9-check-staged}}, {{id: l9-commit-msg}}, {{id: l9-pre-push}}]
"""
INSTALL = {"pre-commit": ("install", "--install-hooks"), "prek": ("install", "--prepare-hooks")}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """This project, committed as it lies here: what a `repo:` of somebody's configuration would name."""
    source = Clone(tmp_path_factory.mktemp("source"))
    listed = subprocess.run(
        ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"),
        cwd=PROJECT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT / name).is_file():
            (source.work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, source.work / name)
    source.git("init", "--quiet")
    source.git("add", "--all", "--force")
    source.git("commit", "--quiet", "-m", "Add: It as it is")
    return source


class Framed(Clone):
    """A working copy whose hooks are one of the tools'."""

    def __init__(self, root: Path, tool: str, source: Clone) -> None:
        super().__init__(working_copy(root).work)
        self.home = {"PRE_COMMIT_HOME": str(root / "home"), "PREK_HOME": str(root / "home")}
        text = CONFIG.format(source=source.work, rev=source.git("rev-parse", "HEAD"))
        self.write(".pre-commit-config.yaml", text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Add: Hooks")
        self.push("--quiet", "origin", "main")
        self.run(tool, *INSTALL[tool])

    @property
    def env(self) -> dict[str, str]:
        return {**super().env, **getattr(self, "home", {})}


@pytest.fixture(scope="module", params=["pre-commit", "prek"])
def clone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, source: Clone) -> Framed:
    """Installing l9 with all that it needs takes half a minute; its tests share one."""
    return Framed(tmp_path_factory.mktemp("framed"), request.param, source)


@pytest.mark.timeout(600)
def test_what_is_staged_is_judged(clone: Framed) -> None:
    clone.write("requirements.txt", "fastapi>=1\n")
    clone.git("add", "requirements.txt")
    clone.write("requirements.txt", "fastapi==1.0.0\n")
    said = clone.commit("Fix: It", code=1).said
    assert "✘ l9 pre-commit: workspace.dependencies-locked: requirements.txt:1: fastapi>=1" in said
    assert (clone.work / "requirements.txt").read_text() == "fastapi==1.0.0\n"
    clone.write("api.py", "x = 2\n")
    clone.git("reset", "--quiet", "requirements.txt")
    clone.commit("Fix: It", "api.py")
    clone.git("reset", "--quiet", "--hard")


@pytest.mark.timeout(600)
def test_the_message_is_judged(clone: Framed) -> None:
    said = clone.commit("it", "--allow-empty", code=1).said
    assert "✘ l9 commit-msg: the message: begin with a type" in said
    clone.commit("Fix: It", "--allow-empty")


@pytest.mark.timeout(600)
def test_the_push_is_judged(clone: Framed) -> None:
    clone.git("reset", "--quiet", "--hard", "origin/main")
    clone.change("direct.py")
    assert "(main.merges-only)" in clone.push("origin", "main", code=1)
    clone.git("reset", "--quiet", "--hard", "origin/main")
    clone.branch("feature/x", "x.py")
    clone.push("origin", "feature/x")
    clone.merge("feature/x", f"Reviewed-by: {BOB}")
    clone.push("origin", "main")
    clone.change("more.py")
    clone.git("tag", "v1.0.0-l9")
    assert "(tag.annotated)" in clone.push("origin", "v1.0.0-l9", code=1)
    clone.tag("v1.0.0-l9", "--force")
    clone.push("origin", "v1.0.0-l9")
