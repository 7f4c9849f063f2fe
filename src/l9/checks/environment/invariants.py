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
    why="a variable that nobody knew of takes the site down on the server that lacks it",
    clause="spec 1.3 local, 2.2",
)
def ENV_DOCUMENTED(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(EnvExample)
    lacking = tuple(read for read in seen.lacking if not read.default)
    if lacking:
        found = "not there: " if seen.exists else "no such file, and read are: "
        return Fail(
            f"every variable that the release reads in {seen.path}", found + _told(lacking), _edit(seen)
        )
    if not seen.exists:
        return Pass("the release reads no variable")
    unread = f"; not read, for they are no Python: {listed(seen.unread)}" if seen.unread else ""
    return Pass(f"{seen.keys} keys, and all that the release reads are among them{unread}")


@invariant(
    "workspace.env-defaults-documented",
    EnvExample,
    why="what can be set and is written nowhere is found by reading the code, or never",
    clause="spec 2.2",
    weight=Weight.ADVICE,
)
def DEFAULTS_DOCUMENTED(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(EnvExample)
    lacking = tuple(read for read in seen.lacking if read.default)
    if not lacking:
        return Pass("every variable that has a default is documented too")
    return Fail(f"variables with a default in {seen.path}, as `# NAME=default`", _told(lacking), _edit(seen))


@invariant(
    "workspace.env-schema",
    EnvExample,
    why="a rule that cannot be read is kept by nobody",
    clause="spec 2.2 (canonical schema)",
    weight=Weight.RULE,
)
def ENV_SCHEMA(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(EnvExample)
    if not seen.problems:
        return Pass(f"{seen.path} can be read as a schema" if seen.exists else f"no {seen.path}")
    first = tuple(f"line {p.line_no}: {p.why}" for p in seen.problems)
    return Fail(f"assignments and rules that can be read in {seen.path}", listed(first, 3), _edit(seen))


@invariant(
    "workspace.env-no-secrets",
    EnvExample,
    why="what is committed is read by everybody who ever clones, and stays in the history",
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
    why="a file that is committed may say where a secret is kept, and never what it is",
    clause="spec 2.2 (no hardcoded secrets)",
)
def ENV_SOURCE(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(EnvSource)
    if not seen.path:
        return Pass("the target's environment is kept on its host")
    edit = f"$EDITOR {quote(seen.path)}"
    if not seen.exists:
        return Fail(f"{seen.path} in the release", "no such file", f"git add --force -- {quote(seen.path)}")
    if seen.problems:
        first = tuple(f"line {p.line_no}: {p.why}" for p in seen.problems)
        return Fail(f"references that can be followed in {seen.path}", listed(first, 3), edit)
    if seen.suspects:
        found = tuple(f"{s.path}:{s.line_no}: {s.key} ({s.kind})" for s in seen.suspects)
        return Fail("references in place of secrets", listed(found), edit)
    return Pass(f"{seen.references} references and {seen.literals} plain values in {seen.path}")


def _told(reads: tuple[EnvRead, ...]) -> str:
    return listed(tuple(f"{' or '.join(read.names)} ({read.where})" for read in reads))


def _edit(seen: EnvExample) -> str:
    return f"$EDITOR {quote(seen.path)}"
