"""Patterns of a schema: they mean what Python's mean, and none takes long."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l9.checks.environment.patterns import GROUPS, LONGEST, MOST, compile_pattern, matches

PATTERNS = (
    r"[a-z]+\d{2,3}", r"(foo|bar)baz?", r"^\w+@\w+\.(com|org)$", r"a{0,2}b{2}", r"(a|b){0,4}abb", r"x(?:y|z)?", "",
    "a|", "[^a]b", "[]a]+", r"\$|\.", "sk_(live|test)_[A-Za-z0-9]{4,}", "(a{2,3}){2}", "()*a", "(a*b)*c",
    "(a|ab)(c|bcd)(d*)", r"a\$", "^a.c$", r"\s*\S", "b{1,}",
)  # fmt: skip


@given(st.sampled_from(PATTERNS), st.text(alphabet="ab1fozrcmdsk_live@.$ xyz]\n", max_size=9))
def test_it_is_as_pythons_own_full_match(pattern: str, value: str) -> None:
    assert matches(pattern, value) == (re.fullmatch(pattern, value) is not None)


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
        (r"[\w-]+\.[\w-]+\.[\w-]+", ".".join("x" * 1300 for _ in range(3)), True),
        (r"\S+@\S+\.\S+", "somebody@example.org", True),
        (r"(\d{1,3}\.){3}\d{1,3}", "10.0.0.255", True),
        (r"https?://[^/]+(/.*)?", f"https://example.org/{'x' * 2000}", True),
        ("([a-z0-9]+-)*[a-z0-9]+", "a-slug-of-5-words", True),
        (r".*\.example\.com", "www.example.com", True),
    ],
)
def test_the_whole_value_is_judged(pattern: str, value: str, found: bool) -> None:
    assert matches(pattern, value) is found


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a", "unterminated subpattern"),
        ("a)", "unbalanced parenthesis"),
        ("*a", "a repetition that cannot be used"),
        ("a**", "a repetition that cannot be used"),
        ("^*a", "nothing to repeat"),
        (r"(a)\1", "an escape that cannot be used"),
        (r"a\b", "an escape that cannot be used"),
        ("a\\", "an escape that cannot be used"),
        ("(?=a)", "ahead or behind"),
        ("(?i)a", "have options"),
        ("(?>a)", "ahead or behind"),
        ("[a", "a class that cannot be used"),
        ("[[:alpha:]]", "a class that cannot be used"),
        ("[a--b]", "a class that cannot be used"),
        ("[z-a]", "bad character range"),
        ("a{2,1}", "more than it allows"),
        ("a{,9}", "a repetition that cannot be used"),
        ("a{2}{3}", "a repetition that cannot be used"),
        ("a{1000}", "a repetition that cannot be used"),
        ("a+?", "a repetition that cannot be used"),
        ("a++", "a repetition that cannot be used"),
        ("a" * (MOST + 1), "too long"),
        ("(" * (GROUPS + 1) + ")" * (GROUPS + 1), "too long"),
        *(
            (p, "repeats a group")
            for p in ("(a+)+b", "(a|a)*b", "(a*)*b", "(a|aa)+b", "(a?){2,}b", "((a|b)c)*")
        ),
        *(
            (p, "too many ways")
            for p in ("a*" * 9 + "b", "a?" * 30, "(a|b){30}", r"(\w*){20}b", "(a{1,20}){9}b")
        ),
        *(
            (p, "too many ways")
            for p in ("(((a|b){999}){999}){999}", "(((((a{999}){999}){999}){999}){999}){999}")
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        matches(pattern, "a")


@pytest.mark.parametrize(
    ("pattern", "longest"),
    [
        ("a*b", LONGEST),
        ("a*a*b", LONGEST),
        ("a*a*a*b", 738),
        ("a*a*a*a*a*b", 88),
        ("a*b*a*b*c", 189),  # what may be left out does not divide two repetitions
        ("a+ba+ba+ba+b", LONGEST),
        ("(a+)b(a+)b(a+)b", 645),  # what stands behind a group is not looked at
        ("a?" * 20 + "a" * 20, LONGEST),
    ],
)
def test_the_more_ways_to_match_the_shorter_the_values(pattern: str, longest: int) -> None:
    assert compile_pattern(pattern).longest == longest


# The patterns of their kinds that took longest for the limit; `b` is never there, so that all ways are tried.
WORST = (
    "a*a*b", "a*a*a*b", "a*a*a*a*b", "a*a*a*a*a*b", r"\w+\w+\w+b", "[a-z]*[a-z]*[a-z]*b", "(aa)*(aa)*(aa)*b",
    "a*a*a*" + "a" * 100 + "b", "a*a*a{100}b", "a?" * 20 + "a" * 20 + "b", "(a|a)" * 20 + "b", "(a?a?a?){5}a*b",
    "(a*|b){3}c", "(a*b?){3}c", "(a|aa){12}a*b", "[ac]*c[ac]*c[ac]*b", "(a*c)*(a*c)*(a*c)*b", "(a|a){15}[ac]*b",
)  # fmt: skip


@pytest.mark.parametrize("pattern", WORST)
def test_no_pattern_takes_long(pattern: str) -> None:
    """Under a second each, measured on one slow core; what is not bounded takes years."""
    longest = compile_pattern(pattern).longest
    began = time.perf_counter()
    for value in ("a" * longest, "ac" * (longest // 2), "a" * (longest // 2) + "c" * (longest // 2)):
        assert not matches(pattern, value)
    assert time.perf_counter() - began < 20


def test_a_pattern_is_compiled_once() -> None:
    assert compile_pattern("a+b") is compile_pattern("a+b")
