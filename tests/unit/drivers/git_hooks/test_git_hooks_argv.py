"""The text of a hook, and how the hooks of others are run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from l9.drivers.git_hooks import commands as git

PLACES = "/r/.git/hooks\n/r/.git\n/r/.git\n/r/.git/index\n/r/.git/objects\n"


def test_places() -> None:
    about, top = git.find_places()
    assert about[:3] == top[:3] == ("git", "rev-parse", "--path-format=absolute")
    found = git.parse_places(PLACES, "/r\n")
    assert (found.hooks, found.common, found.index_file, found.top) == (
        "/r/.git/hooks", "/r/.git", "/r/.git/index", "/r",
    )  # fmt: skip
    assert git.parse_places(PLACES, "").top == ""


@pytest.mark.parametrize("python", ["/no such/pythön 'x' \"$HOME\"", "/usr/bin/env\\n"])
def test_a_hook_whose_l9_is_gone(tmp_path: Path, python: str) -> None:
    hook = tmp_path / "pre-commit"
    hook.write_text(git.hook_file("pre-commit", python, "/no/package", "l9 x", "l9 y"))
    for shell in ("sh", "bash"):
        done = subprocess.run((shell, str(hook)), capture_output=True, text=True)
        assert done.returncode == 1
        assert f"✘ pre-commit: l9 not found at {python}\n" in done.stderr
        assert f"run l9 x, or remove this hook: rm {hook}\n" in done.stderr


def test_a_hook_hands_everything_over(tmp_path: Path) -> None:
    python = tmp_path / "a 'python'"
    python.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    python.chmod(0o755)
    hook = tmp_path / "hook"
    hook.write_text(git.hook_file("pre-push", str(python), str(python), "l9 x", "l9 y"))
    done = subprocess.run(("sh", str(hook), "a b", "", "-x"), capture_output=True, text=True)
    assert done.stdout == "-P|-m|l9|hooks|run|pre-push|--|a b||-x|"


@pytest.mark.parametrize(
    ("first", "argv"),
    [
        ("#!/bin/sh", ("/bin/sh", "-c", ". '/a b/x'", "/old", "1")),
        ("#!/bin/bash -e", ("/bin/bash", "-e", "-c", ". '/a b/x'", "/old", "1")),
        ("#!/usr/bin/env bash", ("/usr/bin/env", "bash", "-c", ". '/a b/x'", "/old", "1")),
        ("#!/usr/bin/env python3", ("/a b/x", "1")),
        ("#!/usr/bin/env", ("/a b/x", "1")),
        ("#!", ("/a b/x", "1")),
        ("echo no interpreter", ("/bin/sh", "-c", ". '/a b/x'", "/old", "1")),
        ("\x7fELF", ("/a b/x", "1")),
    ],
)
def test_hooks_of_others(first: str, argv: tuple[str, ...]) -> None:
    assert git.run_kept("/a b/x", "/old", first, ("1",)) == argv


def test_questions() -> None:
    assert git.hooks_path()[-1] == "core.hooksPath"
    assert git.is_tracked("-x")[-2:] == git.is_ignored("-x")[-2:] == ("--", "-x")
    assert git.head_and_date()[-2:] == ("--format=%H %ct", "HEAD")
    assert git.write_tree() == ("git", "write-tree")
    assert git.commit_tree("t", "") == ("git", "commit-tree", "t")
    assert git.commit_tree("t", "p") == ("git", "commit-tree", "t", "-p", "p")
    assert "--get-regexp" in git.message_settings()
    out = "commit.cleanup scissors\ncore.commentChar ;\ncore.commentchar %\n"
    assert git.parse_settings(out) == {"commit.cleanup": "scissors", "core.commentchar": "%"}
