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
    """Format the first few paths in one line, with the number of the rest; control characters are escaped."""
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(p if p.isprintable() else repr(p) for p in paths[:most]) + more


@invariant(
    "workspace.on-main",
    Workspace,
    why="releases are made from main, and a deploy pushes main",
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
    why="an untracked file is in no release, and may be the reason that it works here",
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
    return Fail("no untracked files except ignored ones", listed(found), "git add --all && git commit")


@invariant(
    "workspace.no-uncommitted-changes",
    Workspace,
    why="uncommitted changes are not reviewed and would not be deployed",
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
    why="with a floating version, tomorrow's build is a different release",
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
            return Fail("every dependency with its hash", f"{path} has lines without a hash", remedy)
    if not reports:
        return Pass("no requirements files in the tag's tree")
    count = sum(len(r.exact) for r in reports.values())
    return Pass(f"{count} dependencies exact in {listed(tuple(sorted(reports)))}")


@invariant(
    "workspace.project-matches-lock",
    Declared,
    why="a declared dependency that is not locked is installed in its newest version, or not at all",
    clause="spec 1.3 local",
    weight=Weight.RULE,
)
def PROJECT_MATCHES_LOCK(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(Declared)
    if not seen.mismatches:
        nothing = "no pyproject.toml and no requirements.in: nothing is declared"
        return Pass("; ".join((*seen.looked, *seen.notes)) or nothing)
    first, more = seen.mismatches[0], len(seen.mismatches) - 1
    found = f"{first.found}{f', and {more} more' if more else ''}"
    log = tuple(f"{a.source}: {a.wanted}; {a.lock}: {a.found}" for a in seen.mismatches)
    return Fail(f"{first.wanted} of {first.source} in {first.lock}", found, first.remedy, log)
