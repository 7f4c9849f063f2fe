"""GitHub's repository rulesets as documents of its REST API, and the `gh` commands that carry them there."""

from __future__ import annotations

import re
from urllib.parse import quote

import msgspec

from l9.checks.git.protection import BRANCHES, TAGS, Policy

Argv = tuple[str, ...]

MAIN, RELEASES = "l9: main", "l9: releases"
THIS_REPOSITORY = "{owner}/{repo}"  # gh fills in the repository of the working copy


class Rule(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of the rules of a ruleset; each is as GitHub's REST API has it."""


class Deletion(Rule, frozen=True, kw_only=True, tag="deletion"):
    """Nobody deletes it."""


class NonFastForward(Rule, frozen=True, kw_only=True, tag="non_fast_forward"):
    """Nobody rewrites it."""


class Update(Rule, frozen=True, kw_only=True, tag="update"):
    """Nobody moves it."""


class Reviews(msgspec.Struct, frozen=True, kw_only=True):
    """What a pull request needs before it is merged."""

    required_approving_review_count: int
    dismiss_stale_reviews_on_push: bool
    require_last_push_approval: bool
    require_code_owner_review: bool = False
    required_review_thread_resolution: bool = False
    allowed_merge_methods: tuple[str, ...] = ("merge",)


class PullRequest(Rule, frozen=True, kw_only=True, tag="pull_request"):
    """Commits come by pull requests only."""

    parameters: Reviews


class StatusCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One status check, by the name that it reports under."""

    context: str


class RequiredChecks(msgspec.Struct, frozen=True, kw_only=True):
    """The status checks that a merge waits for, on the newest commit of the branch that it goes to."""

    required_status_checks: tuple[StatusCheck, ...]
    strict_required_status_checks_policy: bool = True


class StatusChecks(Rule, frozen=True, kw_only=True, tag="required_status_checks"):
    """Status checks pass before a merge."""

    parameters: RequiredChecks


AnyRule = Deletion | NonFastForward | Update | PullRequest | StatusChecks


class RefNames(msgspec.Struct, frozen=True, kw_only=True):
    """Patterns of ref names."""

    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """Which refs a ruleset is about."""

    ref_name: RefNames


class Ruleset(msgspec.Struct, frozen=True, kw_only=True):
    """A ruleset as GitHub's REST API takes it. `target` is branch or tag."""

    name: str
    target: str
    enforcement: str = "active"
    bypass_actors: tuple[str, ...] = ()
    conditions: Conditions
    rules: tuple[AnyRule, ...]


def rulesets(policy: Policy, checks: tuple[str, ...] = ()) -> tuple[Ruleset, ...]:
    """Main and release tags as GitHub is to guard them. `checks`: status checks that a merge waits for."""
    rules: list[AnyRule] = [Deletion(), NonFastForward()]
    if policy.review != "none":
        reviewed = policy.review == "required"
        asked = Reviews(
            required_approving_review_count=int(reviewed),
            dismiss_stale_reviews_on_push=reviewed,
            require_last_push_approval=reviewed,
        )
        rules.append(PullRequest(parameters=asked))
    if checks:
        wanted = tuple(StatusCheck(context=check) for check in checks)
        rules.append(StatusChecks(parameters=RequiredChecks(required_status_checks=wanted)))
    pattern = re.sub(r"<\w+>", "*", policy.tag)
    return (
        _ruleset(MAIN, "branch", BRANCHES + policy.main, tuple(rules)),
        _ruleset(RELEASES, "tag", TAGS + pattern, (Deletion(), Update())),
    )


def _ruleset(name: str, target: str, ref: str, rules: tuple[AnyRule, ...]) -> Ruleset:
    conditions = Conditions(ref_name=RefNames(include=(ref,)))
    return Ruleset(name=name, target=target, conditions=conditions, rules=rules)


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
