"""Test cases for the text that git keeps of a message file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from l9.checks.git.message_file import as_committed

CUT = "------------------------ >8 ------------------------"
REMARKS = f"\n# Please enter the message.\n#\n# {CUT}\n# Do not modify or remove the line above.\ndiff --git a/x b/x\n"


@pytest.mark.parametrize(
    ("text", "how", "kept"),
    [
        ("Fix: It\n\nWhy  \n\n\n\nMore\n\n" + REMARKS, {"edited": True}, "Fix: It\n\nWhy\n\nMore"),
        ("# one\nFix: It\n# two\n", {"edited": True}, "Fix: It"),
        ("#1: It\n", {"edited": False}, "#1: It"),
        ("#1: It\n", {"edited": False, "cleanup": "strip"}, ""),
        ("Fix: It\n# kept\n" + REMARKS, {"edited": True, "cleanup": "scissors"},
         "Fix: It\n# kept\n\n# Please enter the message.\n#"),
        ("Fix: It\n# kept\n", {"edited": True, "cleanup": "whitespace"}, "Fix: It\n# kept"),
        (" Fix: It\n\n", {"edited": True, "cleanup": "verbatim"}, " Fix: It\n\n"),
        ("; one\nFix: It\n", {"edited": True, "comment": ";"}, "Fix: It"),
        ("#1\n\n; Please\n", {"edited": True, "comment": "auto"}, "#1"),
        (f"#1\n; {CUT}\ndiff\n", {"edited": True, "comment": "auto"}, "#1"),
        ("Fix: It\n", {"edited": True, "comment": "auto"}, "Fix: It"),
        ("", {"edited": True, "comment": "auto"}, ""),
    ],
)  # fmt: skip
def test_what_is_kept(text: str, how: dict[str, object], kept: str) -> None:
    assert as_committed(text, **how) == kept  # type: ignore[arg-type]


@pytest.mark.parametrize("cleanup", ["strip", "whitespace", "verbatim", "scissors", "default"])
@pytest.mark.parametrize("edited", [True, False])
def test_git_keeps_the_same(tmp_path: Path, cleanup: str, edited: bool) -> None:
    text = "\n\n# a\nFix: It  \n\n\n\n# b\nbody\n\n"
    (tmp_path / "text").write_text(text)
    (tmp_path / "editor").write_text(f"#!/bin/sh\ncp '{tmp_path}/text' \"$1\"\n")
    (tmp_path / "editor").chmod(0o755)
    how = ("-e",) if edited else ("-F", str(tmp_path / "text"))
    env = {
        **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_EDITOR": str(tmp_path / "editor"),
        **{f"GIT_{a}_{b}": "x" for a in ("AUTHOR", "COMMITTER") for b in ("NAME", "EMAIL")},
    }  # fmt: skip
    for argv in (
        ("init", "--quiet"),
        ("-c", f"commit.cleanup={cleanup}", "commit", "--quiet", "--allow-empty", *how),
    ):
        subprocess.run(("git", *argv), cwd=tmp_path, env=env, check=True, capture_output=True)
    raw = subprocess.run(("git", "cat-file", "commit", "HEAD"), cwd=tmp_path, capture_output=True, check=True)
    kept = raw.stdout.decode().partition("\n\n")[2]
    ours = as_committed(text, edited=edited, cleanup=cleanup)
    assert kept == (ours if cleanup == "verbatim" else f"{ours}\n")
