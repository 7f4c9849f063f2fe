"""Branches and their distance from main, as git tells them; and what GitHub says of a branch."""

from __future__ import annotations

import pytest

from l9.drivers.git import branches_commands as git
from l9.drivers.github import commands as github

A, B = "a" * 40, "b" * 40


def test_branches_here_and_on_origin() -> None:
    out = (
        f"refs/heads/main\0{A}\x0010\0\nrefs/heads/feature/a/b\0{B}\x0020\0\n"
        f"refs/remotes/origin/HEAD\0{A}\x0010\0refs/remotes/origin/main\nrefs/remotes/origin/main\0{A}\x0010\0\n"
    )
    assert git.list_heads()[-2:] == ("refs/heads", "refs/remotes/origin")
    assert git.parse_heads(out) == (
        git.Head("main", "local", A, 10.0),
        git.Head("feature/a/b", "local", B, 20.0),
        git.Head("main", "origin", A, 10.0),
    )


@pytest.mark.parametrize(
    ("out", "wanted"),
    [
        (">30\n>20\n<25\n", git.Distance(2, 1, 20.0)),
        ("<25\n<24\n", git.Distance(0, 2, None)),
        ("", git.Distance(0, 0, None)),
    ],
)
def test_the_distance_from_main(out: str, wanted: git.Distance) -> None:
    assert git.distance(A, B)[-2:] == (f"{A}...{B}", "--")
    assert git.parse_distance(out) == wanted


def test_the_rules_of_a_branch_on_github() -> None:
    assert github.rules_of_branch("ada/l9", "re/lease")[-1] == "repos/ada/l9/rules/branches/re%2Flease"
    assert github.parse_rules('[{"type": "deletion"}, {"type": "update"}, {"type": "deletion"}]') == (
        "deletion",
        "update",
    )
    assert github.parse_rules("<html>") == ()
