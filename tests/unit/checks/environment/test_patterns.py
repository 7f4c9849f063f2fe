"""Patterns of a schema: RE2 agrees with Python's `re` on harmless ones, and no pattern can hang a check."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l9.checks.environment.patterns import LONGEST, MOST, compile_pattern, matches
from l9.checks.environment.schema import Rule, misses, read_schema
from l9.errors import ActionError

PATTERNS = (
    r"[a-z]+\d{2,3}", r"(foo|bar)baz?", r"^\w+@\w+\.(com|org)$", r"a{0,2}b{2}", r"(a|b){0,4}abb", r"x(?:y|z)?", "",
    "a|", "[^a]b", "[]a]+", r"\$|\.", "sk_(live|test)_[A-Za-z0-9]{4,}", "(a{2,3}){2}", "()*a", "(a*b)*c",
    "(a|ab)(c|bcd)(d*)", r"a\$", "^a.c", r"\s*\S", "b{1,}", "[a-z0-9]+(-[a-z0-9]+)*", "(a|a)*b", "(?i)AB?", "a+?b*?",
    r"\ba\b.*", r"(?s)a.b", "(?P<name>a|b)1", r"[\w.-]+",
)  # fmt: skip


@given(st.sampled_from(PATTERNS), st.text(alphabet="ab1fozrcmdsk_live@.$- xyz]\n", max_size=9))
def test_re2_agrees_with_re(pattern: str, value: str) -> None:
    if pattern.endswith("$") and value.endswith("\n"):
        return  # for `re` alone, `$` also matches before a last line break
    assert matches(pattern, value) == (re.fullmatch(pattern, value) is not None)


@pytest.mark.parametrize(
    ("pattern", "value", "found"),
    [
        (r"postgres(ql)?://\S+", "postgresql://u:p@db/x", True),
        ("[a-f0-9]{32}", "0" * 32, True),
        ("[a-f0-9]{32}", "0" * 31, False),
        ("v[0-9]+", "prefix v1", False),
        ("v[0-9]+", "v1 suffix", False),
        ("v[0-9]+$", "v1\n", False),
        ("a|ab", "ab", True),
        (r"costs \$", "costs $", True),
        (".", "ä", True),
        (r"\pL+", "äß", True),
        (r"\w", "ä", False),
        (r"\d", "٣", False),
        ("[^\n]*", "x" * LONGEST, True),
        ("x*", "x" * (LONGEST + 1), False),
        (".", "\ud800", True),
        ("[a-z0-9]+(-[a-z0-9]+)*", "a-slug-of-5-words", True),
        ("[a-z0-9]+(-[a-z0-9]+)*", "no--slug", False),
        (r"(\d{1,3}\.){3}\d{1,3}", "10.0.0.255", True),
        (r"https?://[^/]+(/.*)?", f"https://example.org/{'x' * 2000}", True),
    ],
)
def test_the_whole_value_must_match(pattern: str, value: str, found: bool) -> None:
    assert matches(pattern, value) is found


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a", "missing )"),
        ("a)", "unexpected )"),
        ("*a", "no argument for repetition operator"),
        ("a**", "bad repetition operator"),
        (r"(a)\1", "invalid escape sequence"),
        (r"a\Z", "invalid escape sequence"),
        ("a\\", "trailing"),
        ("[a", "missing ]"),
        ("[z-a]", "invalid character class range"),
        ("a{2,1}", "invalid repetition size"),
        ("a{1001}", "invalid repetition size"),
        *((p, "invalid perl operator") for p in ("(?=a)", "(?!a)b", "(?<=a)b", "(?<!a)b", "(?>a)", "(?P=n)")),
        (r"\pL{1000}" * 50, "pattern too large"),
        ("a" * (MOST + 1), "too long: at most 500 characters"),
    ],
)
def test_an_invalid_pattern_is_refused_with_the_reason(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        compile_pattern(pattern)


# `re` would take years for each.
HOSTILE = (
    "(a+)+$", "(a+)+b", "(a|a)*b", "(a*)*b", "(a|aa)+b", "(a?){2,}b", "(a?){500}a{500}b", "a*" * 9 + "b", "(a|b|ab)*c",
    r"(\w*){20}b", "(a{1,20}){9}b", "((a|b)*a)*c", "(.*)*b", "(.{1,30}.?){30}b",
)  # fmt: skip


@pytest.mark.parametrize("pattern", HOSTILE)
@pytest.mark.parametrize("repeats", [LONGEST - 1, 5000])
def test_no_pattern_explodes(pattern: str, repeats: int) -> None:
    assert not matches(pattern, "a" * repeats + "!")


@pytest.fixture
def no_re2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)


@pytest.mark.usefixtures("no_re2")
def test_without_re2_a_pattern_is_an_error_and_never_a_pass() -> None:
    for judge in (lambda: read_schema("# pattern: a+\nA=a"), lambda: misses(Rule("A", pattern="a+"), "a")):
        with pytest.raises(ActionError, match="cannot be judged") as refused:
            judge()
        assert (refused.value.expected, refused.value.remedy) == (
            "the package google-re2",
            "pip install google-re2",
        )


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "re2":
                raise ImportError("libstdc++.so.6: cannot open shared object file: No such file or directory")

    monkeypatch.delitem(sys.modules, "re2", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(ActionError, match=r"libstdc\+\+\.so\.6") as refused:
        compile_pattern("a")
    assert "google-re2" in refused.value.expected
    assert refused.value.remedy == "apt-get install libstdc++6"


@pytest.mark.usefixtures("no_re2")
def test_a_schema_without_patterns_needs_no_re2() -> None:
    schema = read_schema("# optional, type: port\nA=1")
    assert (schema.problems, misses(schema.rules[0], "1")) == ((), "")


def test_nothing_imports_re2_before_a_pattern_is_judged() -> None:
    program = (
        "import sys, l9.cli.main, l9.host.agent, l9.host.timer, l9.checks.environment.schema as schema\n"
        "assert 're2' not in sys.modules\n"
        "schema.read_schema('# pattern: a\\nA=')\n"
        "assert 're2' in sys.modules"
    )
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
