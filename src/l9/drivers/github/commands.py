"""GitHub's repository rulesets as documents of its REST API, and the `gh` commands that apply them."""

from __future__ import annotations

import re
from urllib.parse import quote

import msgspec

from l9.checks.git.protection import BRANCHES, TAGS, Policy

Argv = tuple[str, ...]

MAIN, RELEASES = "l9: main", "l9: releases"
THIS_REPOSITORY = "{owner}/{repo}"  # gh fills in the repository of the working copy


class Rule(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of a ruleset's rules, in the form of GitHub's REST API."""


class Deletion(Rule, frozen=True, kw_only=True, tag="deletion"):
    """The ref cannot be deleted."""


class NonFastForward(Rule, frozen=True, kw_only=True, tag="non_fast_forward"):
    """The ref cannot be force-pushed."""


class Update(Rule, frozen=True, kw_only=True, tag="update"):
    """The ref cannot be updated."""


class Reviews(msgspec.Struct, frozen=True, kw_only=True):
    """The requirements of a pull request before it is merged."""

    required_approving_review_count: int
    dismiss_stale_reviews_on_push: bool
    require_last_push_approval: bool
    require_code_owner_review: bool = False
    required_review_thread_resolution: bool = False
    allowed_merge_methods: tuple[str, ...] = ("merge",)


class PullRequest(Rule, frozen=True, kw_only=True, tag="pull_request"):
    """Commits are only merged by pull requests."""

    parameters: Reviews


class StatusCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One status check, by the name that it reports under."""

    context: str


class RequiredChecks(msgspec.Struct, frozen=True, kw_only=True):
    """The status checks that a merge requires, with the newest commit of the target branch."""

    required_status_checks: tuple[StatusCheck, ...]
    strict_required_status_checks_policy: bool = True


class StatusChecks(Rule, frozen=True, kw_only=True, tag="required_status_checks"):
    """Status checks must pass before a merge."""

    parameters: RequiredChecks


AnyRule = Deletion | NonFastForward | Update | PullRequest | StatusChecks


class RefNames(msgspec.Struct, frozen=True, kw_only=True):
    """Patterns of ref names."""

    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """The refs that a ruleset applies to."""

    ref_name: RefNames


class Ruleset(msgspec.Struct, frozen=True, kw_only=True):
    """A ruleset in the form of GitHub's REST API. `target` is branch or tag."""

    name: str
    target: str
    enforcement: str = "active"
    bypass_actors: tuple[str, ...] = ()
    conditions: Conditions
    rules: tuple[AnyRule, ...]


def rulesets(policy: Policy, checks: tuple[str, ...] = ()) -> tuple[Ruleset, ...]:
    """Return the rulesets for main and release tags. `checks`: status checks that a merge requires."""
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
    """List the repository's own rulesets; at most 75 exist, so one page is enough."""
    return _api(f"repos/{repository}/rulesets?includes_parents=false&per_page=100")


def parse_rulesets(out: str) -> dict[str, int]:
    """Parse `list_rulesets`' output to ids by name. Raises ValueError for any other text."""
    try:
        found = msgspec.json.decode(out, type=list[_Listed])
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
    return {one.name: one.id for one in found}


def rules_of_branch(repository: str, branch: str) -> Argv:
    """List the rules in force on a branch, from any source; read access is enough."""
    return _api(f"repos/{repository}/rules/branches/{quote(branch, safe='')}")


def parse_rules(out: str) -> tuple[str, ...]:
    """Parse `rules_of_branch`'s output to the kinds of rule, each once; none for any other text."""
    try:
        found = msgspec.json.decode(out, type=list[_Rule])
    except msgspec.MsgspecError:
        return ()
    return tuple(dict.fromkeys(one.type for one in found))


def create_ruleset(repository: str = THIS_REPOSITORY) -> Argv:
    """Create a ruleset, read from standard input."""
    return _api("--method", "POST", "--input", "-", f"repos/{repository}/rulesets")


def replace_ruleset(id_: int, repository: str = THIS_REPOSITORY) -> Argv:
    """Replace a ruleset, read from standard input."""
    return _api("--method", "PUT", "--input", "-", f"repos/{repository}/rulesets/{id_}")


def _api(*args: str) -> Argv:
    return ("gh", "api", "--header", "X-GitHub-Api-Version: 2022-11-28", *args)


class _Rule(msgspec.Struct):
    type: str


class _Listed(msgspec.Struct):
    id: int
    name: str
