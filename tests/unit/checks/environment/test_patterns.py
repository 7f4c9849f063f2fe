"""Patterns of a schema: they mean what Python's mean, and none takes long."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l9.checks.environment.patterns import LONGEST, MOST, compile_pattern, matches

PATTERNS = (
    r"[a-z]+\d{2,3}", r"(foo|bar)+baz?", r"^\w+@\w+\.(com|org)$", r"a{0,2}b{2}", r"(a|b)*abb", r"x(?:y|z)?", "",
    "a|", r"\d+?", "[^a]b", "[]a]+", r"\$|\.", "sk_(live|test)_[A-Za-z0-9]{4,}", "(a{2,3}){2}", "()*a", "(a*)*b",
    "(a|ab)(c|bcd)(d*)", r"a\$", "^a.c$", r"\s*\S", "b{1,}",
)  # fmt: skip


@given(st.sampled_from(PATTERNS), st.text(alphabet="ab1fozrcmdsk_live@.$ xyz]\n", max_size=9))
def test_it_is_as_pythons_own_full_match(pattern: str, value: str) -> None:
    assert matches(pattern, value) == (re.fullmatch(pattern, value.rstrip("\n")) is not None) or "\n" in value


@pytest.mark.parametrize(
    ("pattern", "value", "found"),
    [
        (r"postgres(ql)?://\S+", "postgresql://u:p@db/x", True),
        ("[a-f0-9]{32}", "0" * 32, True),
        ("[a-f0-9]{32}", "0" * 31, False),
        ("v[0-9]+", "prefix v1", False),
        (r"costs \$", "costs $", True),
        (".", "ä", True),
        ("[^\n]*", "x" * LONGEST, True),
        ("x*", "x" * (LONGEST + 1), False),
    ],
)
def test_the_whole_value_is_judged(pattern: str, value: str, found: bool) -> None:
    assert matches(pattern, value) is found


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a", r"\( without"),
        ("a)", r"\) without"),
        ("*a", r"\* cannot stand there"),
        ("a**", r"\* cannot stand there"),
        ("a^b", r"\^ cannot stand there"),
        (r"(a)\1", "an escape that cannot be used"),
        ("a\\", "an escape that cannot be used"),
        ("(?=a)", "ahead or behind"),
        ("(?i)a", "have options"),
        ("[a", "a class that cannot be used"),
        ("[[:alpha:]]", "a class that cannot be used"),
        ("[a--b]", "a class that cannot be used"),
        ("[z-a]", "bad character range"),
        ("a{2,1}", "more than it allows"),
        (f"a{{{MOST + 1}}}", "too long"),
        ("(a{30}){30}", "too long"),
        ("a" * (MOST + 1), "too long"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        matches(pattern, "a")


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(a*)*b", "(a|aa)+b", r"(\w*){20}b", "a*a*a*a*a*b"])
def test_no_pattern_takes_long(pattern: str) -> None:
    began = time.perf_counter()
    assert not matches(pattern, "a" * LONGEST)
    assert time.perf_counter() - began < 5


def test_a_pattern_is_compiled_once() -> None:
    assert compile_pattern("a+b") is compile_pattern("a+b")


def test_too_many_groups() -> None:
    with pytest.raises(ValueError, match="at most 50 groups"):
        compile_pattern("(" * 3000)
