"""Invariants of the workspace (spec 1.3, LOCAL WORKSPACE)."""

from __future__ import annotations

from fnmatch import fnmatch
from shlex import quote

from l9.checks.context import Context
from l9.checks.dependencies.facts import Declared, Locks
from l9.checks.git.facts import Workspace
from l9.core.facts import Facts
from l9.core.invariant import Weight, invariant
from l9.core.verdict import Fail, Pass, Verdict


def listed(paths: tuple[str, ...], most: int = 5) -> str:
    """The first few paths in one line, and how many more there are; a name can hold what moves the cursor."""
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(p if p.isprintable() else repr(p) for p in paths[:most]) + more


@invariant(
    "workspace.on-main",
    Workspace,
    why="releases are cut from main, and the push that follows must be main's",
    clause="spec 6.1 phase 2",
)
def ON_MAIN(facts: Facts, context: Context) -> Verdict:
    main = context.settings.release.main
    branch = facts.the(Workspace).branch
    if branch == main:
        return Pass(f"on {main}")
    return Fail(f"branch {main} checked out", branch or "a detached HEAD", f"git switch {main}")


@invariant(
    "workspace.no-untracked-files",
    Workspace,
    why="a file that git does not know is in no release, and may be why it works here",
    clause="spec 1.3 local",
)
def NO_UNTRACKED(facts: Facts, context: Context) -> Verdict:
    allowed = context.settings.check.allow_untracked
    found = tuple(
        p
        for p in facts.the(Workspace).untracked
        if not any(fnmatch(p, a) or fnmatch(p.rsplit("/", 1)[-1], a) for a in allowed)
    )
    if not found:
        return Pass("no untracked files")
    return Fail("no untracked files but those in .gitignore", listed(found), "git add --all && git commit")


@invariant(
    "workspace.no-uncommitted-changes",
    Workspace,
    why="what is not committed cannot be reviewed",
    clause="spec 1.3 local",
)
def NO_UNCOMMITTED(facts: Facts, _context: Context) -> Verdict:
    changed = facts.the(Workspace).changed
    if not changed:
        return Pass("no uncommitted changes")
    return Fail("no uncommitted changes", listed(changed), "git commit --all")


@invariant(
    "workspace.dependencies-locked",
    Locks,
    why="a floating version makes tomorrow's build another release",
    clause="spec 2.3",
)
def DEPENDENCIES_LOCKED(facts: Facts, context: Context) -> Verdict:
    reports = facts.the(Locks).reports
    for path, report in sorted(reports.items()):
        if report.loose:
            number, line, why = report.loose[0]
            return Fail(
                "every dependency exact (==)", f"{path}:{number}: {line} ({why})", f"$EDITOR {quote(path)}"
            )
        if context.settings.check.hashes and not report.hashed:
            remedy = f"uv pip compile --generate-hashes {quote(path)} --output-file {quote(path)}"
            return Fail("every dependency with its hash", f"{path} has lines without", remedy)
    if not reports:
        return Pass("no requirements files in the tag's tree")
    count = sum(len(r.exact) for r in reports.values())
    return Pass(f"{count} dependencies exact in {listed(tuple(sorted(reports)))}")


@invariant(
    "workspace.project-matches-lock",
    Declared,
    why="what is declared and not locked is installed as whatever is newest, or not at all",
    clause="spec 1.3 local",
    weight=Weight.RULE,
)
def PROJECT_MATCHES_LOCK(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(Declared)
    if not seen.amiss:
        nothing = "no pyproject.toml and no requirements.in: nothing is declared"
        return Pass("; ".join((*seen.looked, *seen.notes)) or nothing)
    first, more = seen.amiss[0], len(seen.amiss) - 1
    found = f"{first.found}{f', and {more} more' if more else ''}"
    log = tuple(f"{a.source}: {a.wanted}; {a.lock}: {a.found}" for a in seen.amiss)
    return Fail(f"{first.wanted} of {first.source} in {first.lock}", found, first.remedy, log)
