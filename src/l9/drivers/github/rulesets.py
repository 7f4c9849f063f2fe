"""Apply rulesets on GitHub with the user's own `gh` and its login."""

from __future__ import annotations

import re

import msgspec

from l9.drivers.github import commands as github
from l9.drivers.process.programs import run
from l9.errors import ActionError, UsageError


def put_rulesets(wanted: tuple[github.Ruleset, ...], repository: str | None) -> dict[str, str]:
    """Create each ruleset, or replace the one of its name; return the action by name.

    Raises UsageError for an invalid repository, ActionError if gh is missing or GitHub refuses.
    """
    if repository is not None and not re.fullmatch(r"\w[\w-]*/(?!\.)[\w.-]+", repository, re.ASCII):
        raise UsageError(
            "not a repository on GitHub",
            expected="OWNER/NAME",
            found=repository,
            remedy="l9 protect github --help",
        )
    where = repository or github.THIS_REPOSITORY
    out = _gh(github.list_rulesets(where))
    try:
        known = github.parse_rulesets(out)
    except ValueError as error:
        raise ActionError(
            "cannot parse GitHub's response",
            expected="a list of rulesets",
            found=str(error),
            remedy="gh api --help",
        ) from None
    done = {}
    for one in wanted:
        id_ = known.get(one.name)
        argv = github.create_ruleset(where) if id_ is None else github.replace_ruleset(id_, where)
        _gh(argv, msgspec.json.encode(one))
        done[one.name] = "created" if id_ is None else f"replaced ({id_})"
    return done


def _gh(argv: tuple[str, ...], data: bytes | None = None) -> str:
    try:
        done = run(argv, data=data)
    except ActionError as error:
        error.message = "GitHub's CLI, gh, is required to apply rulesets"
        error.remedy = error.remedy or "gh --version"
        raise
    if done.code != 0:
        lines = tuple((done.err.strip() or done.out.strip()).splitlines()[-10:])
        raise ActionError(
            "GitHub refused the rulesets",
            expected="gh logged in as an administrator of the repository",
            found=lines[-1] if lines else f"exit code {done.code}",
            remedy="gh auth status",
            log=lines,
        )
    return done.out
