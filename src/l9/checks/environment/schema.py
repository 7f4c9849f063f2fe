"""`.env.example` as the schema of environment files (spec 2.2): the rules of a key are in the comment above it.

A comment line that consists only of rules, separated by commas, is parsed as rules; every other line is prose:

    # required            a value is required (the default)
    # optional            the key may be left out
    # secret              the value must not be shown
    # type: url           string, int, number, bool, port, host, url, dsn, email, path, json or enum
    # allowed: a | b      one of these; the rest of the line
    # pattern: [a-z]+     the whole value matches (`patterns.py`); the rest of the line

For example `# required, secret, type: dsn` is one line. A prose line with the word "optional" makes a key optional,
unless a rule says `required`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from l9.checks.environment.env_file import Entry, EnvFile, parse_env
from l9.checks.environment.patterns import LONGEST, compile_pattern, matches
from l9.core.verdict import VerdictKind


class Rule(msgspec.Struct, frozen=True):
    """The rule of one key. `allowed` is empty if every value is allowed."""

    key: str
    required: bool = True
    secret: bool = False
    type: str = "string"
    pattern: str = ""
    allowed: tuple[str, ...] = ()


class Problem(NamedTuple):
    """A line (from 1) of a schema that cannot be parsed, without its value."""

    line_no: int
    why: str


class Schema(msgspec.Struct, frozen=True):
    """The rules of an example file, one per key, in its order."""

    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...] = ()


class TypeMismatch(msgspec.Struct, frozen=True):
    """A value that breaks its rule; the value itself is not included."""

    key: str
    expected: str


class SchemaReport(msgspec.Struct, frozen=True):
    """An environment file compared with the rules: names and types only.

    `missing` are required keys without a value. `extra` are keys without a rule.
    """

    missing: tuple[str, ...] = ()
    wrong: tuple[TypeMismatch, ...] = ()
    extra: tuple[str, ...] = ()


class KeyVerdict(msgspec.Struct, frozen=True):
    """The verdict on one key. `found`: fits, left out, missing, wrong (then `expected`), or no rule.

    A key without a rule passes.
    """

    key: str
    verdict: VerdictKind
    found: str
    expected: str = ""


class EnvReport(msgspec.Struct, frozen=True):
    """A report on a whole environment file, without values. `mode` is octal; empty if there is no file."""

    path: str
    exists: bool
    mode: str
    keys: tuple[KeyVerdict, ...]
    duplicates: tuple[str, ...] = ()
    bad_lines: tuple[int, ...] = ()


def read_schema(text: str) -> Schema:
    """Parse the whole text of an example file; unparsable lines are among the problems.

    Raises ActionError if it has a pattern and RE2 cannot be imported.
    """
    file = parse_env(text)
    problems = [Problem(line_no, "no assignment") for line_no in file.bad_lines]
    problems += [
        Problem(e.line_no, f"{e.key} is set twice") for e in file.entries if e.key in file.duplicates
    ]
    rules = []
    for entry in file.entries:
        rule, why = _rule(entry)
        rules.append(rule)
        problems += [Problem(entry.line_no, f"{entry.key}: {reason}") for reason in why]
    return Schema(tuple(rules), tuple(sorted(problems)))


def compare(rules: tuple[Rule, ...], file: EnvFile) -> SchemaReport:
    """Find missing keys, values that break their rule, and keys without a rule; rules first, then the file's order.

    An empty value counts as missing. A value that compose interpolates (`${…}`) is not checked against its rule.
    """
    values = {entry.key: entry.value.reveal() for entry in file.entries}
    known = {rule.key for rule in rules}
    missing = tuple(rule.key for rule in rules if rule.required and not values.get(rule.key))
    wrong = (TypeMismatch(rule.key, misses(rule, values.get(rule.key, ""))) for rule in rules)
    return SchemaReport(
        missing, tuple(w for w in wrong if w.expected), tuple(k for k in values if k not in known)
    )


def judge_keys(rules: tuple[Rule, ...], file: EnvFile) -> tuple[KeyVerdict, ...]:
    """Judge every key of the rules, then every other key of the file."""
    seen = compare(rules, file)
    wrong = {misfit.key: misfit.expected for misfit in seen.wrong}
    valued = {entry.key for entry in file.entries if entry.value.reveal()}
    found = []
    for rule in rules:
        if rule.key in wrong:
            found.append(KeyVerdict(rule.key, VerdictKind.FAIL, "wrong", wrong[rule.key]))
        elif rule.key in valued:
            found.append(KeyVerdict(rule.key, VerdictKind.PASS, "fits"))
        else:
            found.append(_without_value(rule))
    return (*found, *(KeyVerdict(key, VerdictKind.PASS, "no rule") for key in seen.extra))


def _without_value(rule: Rule) -> KeyVerdict:
    if not rule.required:
        return KeyVerdict(rule.key, VerdictKind.PASS, "left out")
    expected = TYPES[rule.type][0] if rule.type != "string" else "a value"
    return KeyVerdict(rule.key, VerdictKind.FAIL, "missing", expected)


def misses(rule: Rule, value: str) -> str:
    """The expectation that a value does not meet; empty if it meets all, is empty, or is interpolated by compose."""
    if not value or "${" in value:
        return ""
    if rule.allowed and value not in rule.allowed:
        return f"one of {' | '.join(rule.allowed)}"
    expected, fits = TYPES[rule.type]
    if len(value) > LONGEST or not fits(value):
        return expected
    if rule.pattern and not matches(rule.pattern, value):
        return f"a match of the pattern {rule.pattern}"
    return ""


# ── reading comments ─────────────────────────────────────────────────────────────────────────────

_WORDS: Mapping[str, Mapping[str, Any]] = {
    "required": {"required": True},
    "optional": {"required": False},
    "secret": {"secret": True},
}
_TYPE = re.compile(r"type:\s*(?P<type>[\w-]+)")
_TO_THE_END = re.compile(r"(?P<what>allowed|pattern):\s*(?P<rest>\S.*)")


def _rule(entry: Entry) -> tuple[Rule, list[str]]:
    """The rule of one key, and the problems in its comment."""
    options: dict[str, Any] = {"required": not entry.optional}
    for line in entry.comment:
        options |= _clauses(line.lstrip("#").strip()) or {}
    problems = []
    if options.get("type", "string") not in TYPES:
        problems.append(f"unknown type {options.pop('type')}; known are {', '.join(TYPES)}")
    if options.get("type") == "enum" and not options.get("allowed"):
        problems.append("an enum needs allowed values: # allowed: a | b")
    if pattern := options.get("pattern"):
        try:
            compile_pattern(pattern)
        except ValueError as error:
            problems.append(f"its pattern: {error}")
            del options["pattern"]
    return Rule(entry.key, **options), problems


def _clauses(line: str) -> dict[str, Any] | None:
    """Parse a comment line that consists only of rules; None for prose."""
    options: dict[str, Any] = {}
    rest = line
    while rest:
        if last := _TO_THE_END.fullmatch(rest):
            values = tuple(v.strip() for v in last["rest"].split("|") if v.strip())
            return options | {last["what"]: values if last["what"] == "allowed" else last["rest"]}
        clause, _, rest = (part.strip() for part in rest.partition(","))
        if clause.lower() in _WORDS:
            options |= _WORDS[clause.lower()]
        elif found := _TYPE.fullmatch(clause):
            options["type"] = found["type"]
        else:
            return None
    return options


# ── types ────────────────────────────────────────────────────────────────────────────────────────

_INT = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,4})?")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253})|\[?[0-9A-Fa-f:.]{2,45}\]?")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/]\S*")
_DSN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,60}:/?/?\S+")
_BOOL = frozenset(("true", "false", "1", "0", "yes", "no", "on", "off"))


def _is_port(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 5 and 1 <= int(value) <= 65535


def _is_email(value: str) -> bool:
    name, at, domain = value.partition("@")
    return bool(name and at) and "." in domain.strip(".") and not re.search(r"[\s@]", name + domain)


def _is_json(value: str) -> bool:
    try:
        msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True


TYPES: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "string": ("text", lambda _value: True),
    "int": ("a whole number", _INT.fullmatch),
    "number": ("a number", _NUMBER.fullmatch),
    "bool": ("true or false", lambda value: value.lower() in _BOOL),
    "port": ("a port, 1 to 65535", _is_port),
    "host": ("a host name or an address", _HOST.fullmatch),
    "url": ("a URL, scheme://host…", _URL.fullmatch),
    "dsn": ("a data source name, scheme://…", _DSN.fullmatch),
    "email": ("an e-mail address", _is_email),
    "path": ("a path", lambda value: value.isprintable() and "://" not in value),
    "json": ("JSON", _is_json),
    "enum": ("one of the allowed values", lambda _value: True),
}
