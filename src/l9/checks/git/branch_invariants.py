"""Invariants of the branches (spec 3.1). No gate needs them: an old branch does not affect this release."""

from __future__ import annotations

from fnmatch import fnmatchcase
from shlex import quote

from l9.checks.context import Context
from l9.checks.git.facts import Branch, Branches, Protection
from l9.checks.git.workspace_invariants import listed
from l9.core.facts import Facts
from l9.core.invariant import Weight, invariant
from l9.core.verdict import Fail, Pass, Verdict

DAY = 86_400.0
LONGEST_LIFE = 7 * DAY  # spec 3.1: merged or deleted within a week


def well_named(name: str, forms: tuple[str, ...]) -> bool:
    """True if a branch other than main has one of the allowed names (spec 3.1)."""
    return any(fnmatchcase(name, form) for form in forms)


def lives_too_long(branch: Branch, now: float) -> bool:
    """True if the branch is not merged and its oldest commit that main lacks is older than a week."""
    return not branch.merged and now - branch.began > LONGEST_LIFE


@invariant(
    "repository.branch-names",
    Branches,
    why="a branch's name states its purpose and its lifetime",
    clause="spec 3.1",
    weight=Weight.ADVICE,
)
def BRANCH_NAMES(facts: Facts, context: Context) -> Verdict:
    forms = context.settings.release.branches
    odd = [one for one in facts.the(Branches).branches if not well_named(one.name, forms)]
    if not odd:
        return Pass(f"every branch is named {', '.join(forms)}")
    names = tuple(dict.fromkeys(one.name for one in odd))
    local = [one.name for one in odd if one.where == "local" and one.name.isprintable()]
    better = forms[0].replace("*", "") if forms else ""
    remedy = (
        f"git branch --move -- {quote(local[0])} {quote(better + local[0])}"
        if local and better
        else "l9 branches"
    )
    return Fail(f"branches named {' or '.join(forms)}", listed(names), remedy)


@invariant(
    "repository.branches-short-lived",
    Branches,
    why="a long-lived branch is hard to merge, or never merged",
    clause="spec 3.1",
    weight=Weight.ADVICE,
)
def BRANCHES_SHORT_LIVED(facts: Facts, context: Context) -> Verdict:
    seen = facts.the(Branches)
    old = [one for one in seen.branches if lives_too_long(one, context.now)]
    if not old:
        return Pass(
            "no unmerged branch is older than a week"
            if seen.branches
            else f"no branch other than {seen.main}"
        )
    found = tuple(dict.fromkeys(f"{one.name} ({(context.now - one.began) / DAY:.0f} days)" for one in old))
    return Fail("every branch merged or deleted within a week", listed(found), "l9 branches")


@invariant(
    "repository.main-protected",
    Protection,
    why="a local hook can be skipped; a protection rule on the remote cannot",
    clause="spec 3.1",
    weight=Weight.ADVICE,
)
def MAIN_PROTECTED(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(Protection)
    if seen.by:
        return Pass(f"{seen.main} is protected on origin by {seen.by}")
    return Fail(f"{seen.main} protected on origin", "not protected", seen.remedy)


STEADY_STATE = (BRANCH_NAMES, BRANCHES_SHORT_LIVED, MAIN_PROTECTED)
