"""Rulesets in the shape of GitHub's REST API, and what gh is called with."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from l9.checks.git.protection import Policy
from l9.drivers.github import commands as github


def rulesets(policy: Policy, checks: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """As they are sent."""
    made: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(github.rulesets(policy, checks)))
    return made


def kinds(ruleset: dict[str, Any]) -> dict[str, Any]:
    return {rule["type"]: rule.get("parameters") for rule in ruleset["rules"]}


def test_main_and_releases() -> None:
    main, releases = rulesets(Policy(), ("cgmp", "l9 check"))
    assert (main["name"], main["target"], main["enforcement"], main["bypass_actors"]) == (
        "l9: main", "branch", "active", [],
    )  # fmt: skip
    assert main["conditions"] == {"ref_name": {"include": ["refs/heads/main"], "exclude": []}}
    found = kinds(main)
    assert list(found) == ["deletion", "non_fast_forward", "pull_request", "required_status_checks"]
    assert found["pull_request"]["required_approving_review_count"] == 1
    assert found["pull_request"]["allowed_merge_methods"] == ["merge"]
    assert found["required_status_checks"]["required_status_checks"] == [
        {"context": "cgmp"}, {"context": "l9 check"}
    ]  # fmt: skip
    assert releases["target"] == "tag"
    assert releases["conditions"]["ref_name"]["include"] == ["refs/tags/v*.*.*-l9"]
    assert list(kinds(releases)) == ["deletion", "update"]


def test_without_review() -> None:
    main, _ = rulesets(Policy(review="merge", main="trunk"))
    assert main["conditions"]["ref_name"]["include"] == ["refs/heads/trunk"]
    assert kinds(main)["pull_request"]["required_approving_review_count"] == 0
    main, _ = rulesets(Policy(review="none"))
    assert list(kinds(main)) == ["deletion", "non_fast_forward"]


def test_gh() -> None:
    head = ("gh", "api", "--header", "X-GitHub-Api-Version: 2022-11-28")
    listed = "repos/{owner}/{repo}/rulesets?includes_parents=false&per_page=100"
    assert github.list_rulesets() == (*head, listed)
    assert github.create_ruleset("a/b") == (*head, "--method", "POST", "--input", "-", "repos/a/b/rulesets")
    assert github.replace_ruleset(7) == (
        *head, "--method", "PUT", "--input", "-", "repos/{owner}/{repo}/rulesets/7",
    )  # fmt: skip
    assert github.parse_rulesets('[{"id": 7, "name": "l9: main", "target": "branch"}]') == {"l9: main": 7}
    with pytest.raises(ValueError, match="malformed"):
        github.parse_rulesets("<html>")
