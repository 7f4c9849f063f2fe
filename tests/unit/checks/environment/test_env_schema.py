"""The schema in `.env.example`: how comments are read, what fits, and that no value is ever told."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l9.checks.environment.env_file import parse_env
from l9.checks.environment.schema import (
    TYPES,
    Problem,
    Rule,
    TypeMismatch,
    compare,
    judge_keys,
    misses,
    read_schema,
)


def rule(comment: str) -> Rule:
    (found,) = read_schema(f"{comment}\nA=1").rules
    return found


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("", Rule("A")),
        ("# the one that counts", Rule("A")),
        ("# optional", Rule("A", required=False)),
        ("# (optional) for tracing", Rule("A", required=False)),
        ("# an optional part needs it\n# required", Rule("A")),
        ("# required, secret, type: url", Rule("A", secret=True, type="url")),
        ("## Secret , optional", Rule("A", required=False, secret=True)),
        ("# allowed: a | b|c |", Rule("A", allowed=("a", "b", "c"))),
        ("# type: enum, allowed: a, b | c", Rule("A", type="enum", allowed=("a, b", "c"))),
        ("# secret, pattern: [a-z]{2,4},?", Rule("A", secret=True, pattern="[a-z]{2,4},?")),
        ("# secret\n# Where it comes from: the vault.\n# type: dsn", Rule("A", secret=True, type="dsn")),
        ("# secret things are kept here", Rule("A")),
        ("# Type: what you like", Rule("A")),
        ("# type: what you like", Rule("A")),
        ("# required, and more", Rule("A")),
        ("#", Rule("A")),
        ("# type: int\n\n# another", Rule("A")),
    ],
)
def test_rules_are_read_and_prose_is_left(comment: str, expected: Rule) -> None:
    assert rule(comment) == expected
    assert read_schema(f"{comment}\nA=1").problems == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# type: integer\nA=1", Problem(2, f"A: unknown type integer; known are {', '.join(TYPES)}")),
        ("# type: enum\nA=1", Problem(2, "A: an enum needs allowed values: # allowed: a | b")),
        ("# pattern: (a\nA=1", Problem(2, "A: its pattern: missing ): (a")),
        ("A=1\nA=2", Problem(2, "A is set twice")),
        ("hunter2\nA=1", Problem(1, "no assignment")),
    ],
)
def test_what_cannot_be_followed_is_told_by_line(text: str, problem: Problem) -> None:
    found = read_schema(text)
    assert found.problems == (problem,)
    assert [r.key for r in found.rules] == ["A"]
    assert "hunter2" not in str(found)


def test_a_broken_rule_asks_for_nothing() -> None:
    assert rule("# type: integer") == rule("# pattern: (a") == Rule("A")


GOOD_AND_BAD = {
    "string": ("anything at all", None),
    "int": ("-12", "1.5"),
    "number": ("1.5e3", "1,5"),
    "bool": ("On", "maybe"),
    "port": ("8000", "70000"),
    "host": ("db.internal", "two words"),
    "url": ("https://example.com/x?y=z", "example.com"),
    "dsn": ("postgresql+asyncpg://u:p@db:5432/x", "not a dsn"),
    "email": ("ada@example.com", "ada@example"),
    "path": ("/var/lib/x", "https://example.com"),
    "json": ('{"a": 1}', "{a: 1}"),
    "enum": ("x", None),
}


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_takes_what_it_is_and_nothing_else(kind: str) -> None:
    good, bad = GOOD_AND_BAD[kind]
    assert misses(Rule("A", type=kind), good) == ""
    if bad is not None:
        assert misses(Rule("A", type=kind), bad) == TYPES[kind][0]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("port", "0"),
        ("port", "²"),
        ("port", "999999"),
        ("email", "@example.com"),
        ("email", "a b@example.com"),
        ("email", "a@b@example.com"),
        ("email", "ada"),
        ("host", "::1 "),
        ("json", "\ud800"),
        ("dsn", "://"),
        ("string", "x" * 5000),
    ],
)
def test_odd_values_are_refused(kind: str, value: str) -> None:
    assert misses(Rule("A", type=kind), value) == TYPES[kind][0]


def test_addresses_and_urls_without_a_host_are_told_apart() -> None:
    assert misses(Rule("A", type="host"), "[::1]") == misses(Rule("A", type="dsn"), "sqlite:///x.db") == ""
    assert misses(Rule("A", type="url"), "file:///x") != ""


def test_allowed_values_and_patterns() -> None:
    assert misses(Rule("A", allowed=("a", "b")), "c") == "one of a | b"
    assert misses(Rule("A", allowed=("a", "b")), "b") == ""
    assert misses(Rule("A", pattern="[a-z]+"), "ABC") == "a match of the pattern [a-z]+"
    assert misses(Rule("A", pattern="[a-z]+"), "abc") == ""


@pytest.mark.parametrize("value", ["", "${OTHER}", "https://${HOST}/"])
def test_what_is_blank_or_filled_in_later_has_no_shape(value: str) -> None:
    assert misses(Rule("A", type="int", allowed=("1",)), value) == ""


def test_a_file_is_compared_by_names_and_shapes() -> None:
    schema = read_schema("A=\n# optional\nB=\n# type: port\nPORT=8000\nC=\n# optional, type: url\nD=")
    found = compare(schema.rules, parse_env("PORT=hunter2\nC=\nEXTRA=hunter2\nA=x\nD=hunter2"))
    assert found.missing == ("C",)
    assert found.wrong == (
        TypeMismatch("PORT", "a port, 1 to 65535"),
        TypeMismatch("D", "a URL, scheme://host…"),
    )
    assert found.extra == ("EXTRA",)
    assert "hunter2" not in str(found)


def test_every_key_gets_its_verdict() -> None:
    schema = read_schema("A=\n# optional\nB=\n# type: port\nC=8000\n# type: port\nD=\nE=x")
    found = judge_keys(schema.rules, parse_env("C=hunter2\nE=hunter2\nF=hunter2"))
    assert [(k.key, k.verdict, k.found, k.expected) for k in found] == [
        ("A", "fail", "missing", "a value"),
        ("B", "pass", "left out", ""),
        ("C", "fail", "wrong", "a port, 1 to 65535"),
        ("D", "fail", "missing", "a port, 1 to 65535"),
        ("E", "pass", "fits", ""),
        ("F", "pass", "no rule", ""),
    ]
    assert "hunter2" not in str(found)


def test_rules_are_kept_with_a_release() -> None:
    rules = read_schema("# secret, type: dsn\nA=\n# allowed: a | b\nB=a").rules
    assert msgspec.json.decode(msgspec.json.encode(rules), type=tuple[Rule, ...]) == rules


@given(st.text())
def test_any_text_can_be_a_schema(text: str) -> None:
    found = read_schema(text)
    assert compare(found.rules, parse_env(text)).extra == ()


def test_json_that_is_nested_too_deep_is_none() -> None:
    assert misses(Rule("A", type="json"), "[" * 4000) == "JSON"
