"""Invariants of `.env.example`, the schema of every environment file (spec 2.2), judged on the tag's own tree."""

from __future__ import annotations

from shlex import quote

from l9.checks.context import Context
from l9.checks.environment.facts import EnvExample, EnvSource
from l9.checks.environment.reads import EnvRead
from l9.checks.git.workspace_invariants import listed
from l9.core.facts import Facts
from l9.core.invariant import Weight, invariant
from l9.core.verdict import Fail, Pass, Verdict


@invariant(
    "workspace.env-documented",
    EnvExample,
    why="an undocumented variable takes the site down on a server that lacks it",
    clause="spec 1.3 local, 2.2",
)
def ENV_DOCUMENTED(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(EnvExample)
    lacking = tuple(read for read in seen.lacking if not read.default)
    if lacking:
        found = "missing: " if seen.exists else "no such file, and the release reads: "
        return Fail(
            f"every variable that the release reads in {seen.path}",
            found + _format_reads(lacking),
            _edit(seen),
        )
    if not seen.exists:
        return Pass("the release reads no variable")
    unread = f"; skipped, not valid Python: {listed(seen.unread)}" if seen.unread else ""
    return Pass(f"{seen.keys} keys, including every variable that the release reads{unread}")


@invariant(
    "workspace.env-defaults-documented",
    EnvExample,
    why="an undocumented setting is found by reading the code, or never",
    clause="spec 2.2",
    weight=Weight.ADVICE,
)
def DEFAULTS_DOCUMENTED(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(EnvExample)
    lacking = tuple(read for read in seen.lacking if read.default)
    if not lacking:
        return Pass("every variable with a default is documented")
    return Fail(
        f"variables with a default in {seen.path}, as `# NAME=default`", _format_reads(lacking), _edit(seen)
    )


@invariant(
    "workspace.env-schema",
    EnvExample,
    why="a rule that cannot be parsed is not enforced",
    clause="spec 2.2 (canonical schema)",
    weight=Weight.RULE,
)
def ENV_SCHEMA(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(EnvExample)
    if not seen.problems:
        return Pass(f"{seen.path} is a valid schema" if seen.exists else f"no {seen.path}")
    first = tuple(f"line {p.line_no}: {p.why}" for p in seen.problems)
    return Fail(f"valid assignments and rules in {seen.path}", listed(first, 3), _edit(seen))


@invariant(
    "workspace.env-no-secrets",
    EnvExample,
    why="everyone who clones can read a committed secret, and it stays in the history",
    clause="spec 2.2 (no hardcoded secrets)",
)
def ENV_NO_SECRETS(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(EnvExample)
    if not seen.suspects:
        return Pass(f"no value of {seen.path} looks like a real secret")
    found = tuple(f"{s.path}:{s.line_no}: {s.key} ({s.kind})" for s in seen.suspects)
    return Fail("placeholders such as YOUR_KEY_HERE", listed(found), _edit(seen))


@invariant(
    "workspace.env-source",
    EnvSource,
    why="a committed file may refer to a secret, and must never contain it",
    clause="spec 2.2 (no hardcoded secrets)",
)
def ENV_SOURCE(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(EnvSource)
    if not seen.path:
        return Pass("the target's environment is stored on its host")
    edit = f"$EDITOR {quote(seen.path)}"
    if not seen.exists:
        return Fail(f"{seen.path} in the release", "no such file", f"git add --force -- {quote(seen.path)}")
    if seen.problems:
        first = tuple(f"line {p.line_no}: {p.why}" for p in seen.problems)
        return Fail(f"valid references in {seen.path}", listed(first, 3), edit)
    if seen.suspects:
        found = tuple(f"{s.path}:{s.line_no}: {s.key} ({s.kind})" for s in seen.suspects)
        return Fail("references instead of secrets", listed(found), edit)
    return Pass(f"{seen.references} references and {seen.literals} plain values in {seen.path}")


def _format_reads(reads: tuple[EnvRead, ...]) -> str:
    return listed(tuple(f"{' or '.join(read.names)} ({read.where})" for read in reads))


def _edit(seen: EnvExample) -> str:
    return f"$EDITOR {quote(seen.path)}"
