"""GitHub's repository rulesets as documents of its REST API, and the `gh` commands that carry them there."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import msgspec

from l9.checks.git.protection import BRANCHES, TAGS, Policy

Argv = tuple[str, ...]

MAIN, RELEASES = "l9: main", "l9: releases"
THIS_REPOSITORY = "{owner}/{repo}"  # gh fills in the repository of the working copy


def rulesets(policy: Policy, checks: tuple[str, ...] = ()) -> tuple[dict[str, Any], ...]:
    """Main and release tags as GitHub is to guard them. `checks`: status checks that a merge waits for."""
    rules: list[dict[str, Any]] = [{"type": "deletion"}, {"type": "non_fast_forward"}]
    if policy.review != "none":
        reviewed = policy.review == "required"
        asked = {
            "required_approving_review_count": int(reviewed),
            "dismiss_stale_reviews_on_push": reviewed,
            "require_last_push_approval": reviewed,
            "require_code_owner_review": False,
            "required_review_thread_resolution": False,
            "allowed_merge_methods": ["merge"],
        }
        rules.append({"type": "pull_request", "parameters": asked})
    if checks:
        wanted = {
            "strict_required_status_checks_policy": True,
            "required_status_checks": [{"context": check} for check in checks],
        }
        rules.append({"type": "required_status_checks", "parameters": wanted})
    pattern = re.sub(r"<\w+>", "*", policy.tag)
    return (
        _ruleset(MAIN, "branch", BRANCHES + policy.main, rules),
        _ruleset(RELEASES, "tag", TAGS + pattern, [{"type": "deletion"}, {"type": "update"}]),
    )


def _ruleset(name: str, target: str, ref: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name,
        "target": target,
        "enforcement": "active",
        "bypass_actors": [],
        "conditions": {"ref_name": {"include": [ref], "exclude": []}},
        "rules": rules,
    }


def list_rulesets(repository: str = THIS_REPOSITORY) -> Argv:
    """The repository's own rulesets; there may be 75, so that one page holds them all."""
    return _api(f"repos/{repository}/rulesets?includes_parents=false&per_page=100")


def parse_rulesets(out: str) -> dict[str, int]:
    """`list_rulesets`' output: ids by name; ValueError when it is nothing of the kind."""
    try:
        found = msgspec.json.decode(out, type=list[_Listed])
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
    return {one.name: one.id for one in found}


def rules_of_branch(repository: str, branch: str) -> Argv:
    """The rules in force on a branch, whoever made them; everybody who can read the repository may ask."""
    return _api(f"repos/{repository}/rules/branches/{quote(branch, safe='')}")


def parse_rules(out: str) -> tuple[str, ...]:
    """`rules_of_branch`'s output: the kinds of rule, each once; none where it is nothing of the kind."""
    try:
        found = msgspec.json.decode(out, type=list[_Rule])
    except msgspec.MsgspecError:
        return ()
    return tuple(dict.fromkeys(one.type for one in found))


def create_ruleset(repository: str = THIS_REPOSITORY) -> Argv:
    """The ruleset is read from standard input."""
    return _api("--method", "POST", "--input", "-", f"repos/{repository}/rulesets")


def replace_ruleset(id_: int, repository: str = THIS_REPOSITORY) -> Argv:
    """The ruleset is read from standard input."""
    return _api("--method", "PUT", "--input", "-", f"repos/{repository}/rulesets/{id_}")


def _api(*args: str) -> Argv:
    return ("gh", "api", "--header", "X-GitHub-Api-Version: 2022-11-28", *args)


class _Rule(msgspec.Struct):
    type: str


class _Listed(msgspec.Struct):
    id: int
    name: str
