"""Tags as releases: argument vectors by equality, and git's real output, parsed."""

from __future__ import annotations

import pytest
from test_git import MAIN, TAG, Repository, repo

from l9.drivers.git import releases_commands as releases

__all__ = ["repo"]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (releases.count_commits("v1", "v2"), ("git", "rev-list", "--count", "v2", "^v1", "--")),
        (releases.count_commits("", "v2"), ("git", "rev-list", "--count", "v2", "--")),
        (
            releases.make_tag(TAG, "c0ffee", sign=False),
            ("git", "tag", "--annotate", "--cleanup=whitespace", "--file=-", "--", TAG, "c0ffee"),
        ),
        (
            releases.make_tag(TAG, "c0ffee", sign=True),
            ("git", "tag", "--sign", "--cleanup=whitespace", "--file=-", "--", TAG, "c0ffee"),
        ),
        (releases.unmake_tag(TAG, "c0ffee"), ("git", "update-ref", "-d", f"refs/tags/{TAG}", "c0ffee")),
    ],
)
def test_the_argument_vector(argv: releases.Argv, expected: releases.Argv) -> None:
    assert argv == expected


def test_annotated_tags_newest_version_first(repo: Repository) -> None:
    for name in ("v0.9.0-l9", "v0.10.0-l9"):
        repo.git("tag", "--annotate", name, "--message", f"Release {name}")
    repo.git("tag", "light")
    commit, tree = repo.git("rev-parse", MAIN, f"{MAIN}^{{tree}}").split()
    found = releases.parse_annotated(repo.run(releases.list_annotated()))
    assert [line.name for line in found] == ["v0.10.0-l9", "v0.9.0-l9"]
    assert found[0] == releases.TagLine("v0.10.0-l9", commit, tree, 1767225600.0, "Ada <ada@example.com>")


def test_a_tag_that_is_still_the_same_is_taken_away(repo: Repository) -> None:
    repo.git("tag", "--annotate", TAG, "--message", "x")
    assert repo.call(releases.unmake_tag(TAG, "0" * 39 + "1")).returncode != 0
    repo.run(releases.unmake_tag(TAG, repo.git("rev-parse", TAG).strip()))
    assert repo.tag().kind == "absent"
