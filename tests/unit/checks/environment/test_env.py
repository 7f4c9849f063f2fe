"""Environment files as compose reads them; the cases were compared with Docker Compose 2.26."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l9.checks.environment.env_file import (
    Entry,
    EnvFile,
    Secret,
    fingerprint,
    parse_env,
    render_env,
    whole_fingerprint,
)
from l9.checks.environment.resolved import ResolvedEnv

SPEC = """\
# ============================================================================
# Python Runtime
# ============================================================================
PYTHONDONTWRITEBYTECODE=1
ENV=production

# DSN format: postgresql://user:password@host:port/dbname
# WARNING: Password must be configured in .env (VPS only), never committed.
MEMORY_DSN=postgresql://postgres:YOUR_PASSWORD_HERE@127.0.0.1:5432/l9_memory
OPENAI_API_KEY=sk-proj-YOUR_KEY_HERE
"""


def values(text: str) -> dict[str, str]:
    return {entry.key: entry.value.reveal() for entry in parse_env(text).entries}


def test_the_example_of_the_spec() -> None:
    env = parse_env(SPEC)
    assert env.keys == ("PYTHONDONTWRITEBYTECODE", "ENV", "MEMORY_DSN", "OPENAI_API_KEY")
    assert [entry.line_no for entry in env.entries] == [4, 5, 9, 10]
    assert (env.duplicates, env.bad_lines) == ((), ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1", {"A": "1"}),
        (
            "export A=1\n  export\tB=2\nexportC=3\nexport=4",
            {"A": "1", "B": "2", "exportC": "3", "export": "4"},
        ),
        ("A = spaced out  \n  B=indent", {"A": "spaced out", "B": "indent"}),
        ("A: yaml\nB:x\nC:", {"A": "yaml", "B": "x", "C": ""}),
        ("A=x # comment\nB=x#no\nC=#x\nD= # x", {"A": "x", "B": "x#no", "C": "#x", "D": "# x"}),
        ("A=\nB=2", {"A": "", "B": "2"}),
        ('A="x" # c\nB="x"#c\nC="a#b"', {"A": "x", "B": "x", "C": "a#b"}),
        ("A='s #x' # c\nB=''\nC=\"\"", {"A": "s #x", "B": "", "C": ""}),
        ("A=\"multi\nline\" \nB='single\nmulti'\nC=3", {"A": "multi\nline", "B": "single\nmulti", "C": "3"}),
        (r'A="a\nb\tc\rd\"e\\f\zg\$h"', {"A": 'a\nb\tc\rd"e\\f\\zg$h'}),
        ("A='a\\nb'\nB='it\\'s'\nC='a\\\\'", {"A": "a\\nb", "B": "it's", "C": "a\\\\"}),
        ('A="\'x\'"\nB=\'"x"\'\nC=x"y"', {"A": "'x'", "B": '"x"', "C": 'x"y"'}),
        ('A="x"B=1', {"A": "x", "B": "1"}),
        ("A.b=1\nA-B=2\nA[0]=3\n1A=4\nÄ=5", {"A.b": "1", "A-B": "2", "A[0]": "3", "1A": "4", "Ä": "5"}),
        ("A==1", {"A": "=1"}),
        ('\ufeffA=1\r\nB="x"\r\nC=\r\n', {"A": "1", "B": "x", "C": ""}),
        ('A="x\r\ny"\r\n', {"A": "x\r\ny"}),
        ("A=${B:-d}$C", {"A": "${B:-d}$C"}),
        ("", {}),
        ("\n \n# only a comment", {}),
    ],
)
def test_compose_reads_it_so(text: str, expected: dict[str, str]) -> None:
    assert values(text) == expected
    assert parse_env(text).bad_lines == ()


@pytest.mark.parametrize(
    ("text", "bad", "keys"),
    [
        ("A=1\nMIIEvQIBADANBgkq\nB=2", (2,), ("A", "B")),
        ("A B=1", (1,), ()),
        ('A="never closed\nB=1', (1,), ("B",)),
        ("A='never closed\n", (1,), ()),
        ('A="x" trailing\nB=1', (1,), ("A", "B")),
        ("=1", (1,), ()),
        ("-----BEGIN PRIVATE KEY-----", (1,), ()),
        ('A="two\nlines" junk\n\njunk', (2, 4), ("A",)),
    ],
)
def test_what_is_no_assignment_is_reported_by_number(
    text: str, bad: tuple[int, ...], keys: tuple[str, ...]
) -> None:
    env = parse_env(text)
    assert (env.bad_lines, env.keys) == (bad, keys)


def test_the_last_of_duplicates_counts() -> None:
    env = parse_env("A=1\nB=2\nA=3\nA=4")
    assert env.keys == ("A", "B")
    assert env.duplicates == ("A",)
    assert env.entries[0].value.reveal() == "4"


@pytest.mark.parametrize(
    ("comment", "optional"),
    [
        ("# Optional", True),
        ("# (optional) for tracing\n# more about it", True),
        ("# not optional", False),
        ("# non-optional", False),
        ("# optionally set", False),
        ("# optional\n", False),
        ("# optional\nB=1", False),
        ('B="1" # optional', False),
        ("", False),
    ],
)
def test_a_key_is_optional_when_the_comment_right_above_says_so(comment: str, optional: bool) -> None:
    entries = {entry.key: entry for entry in parse_env(f"{comment}\nA=1").entries}
    assert entries["A"].optional is optional


# ── secrecy ──────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_is_shown_to_nobody_who_does_not_ask() -> None:
    secret = Secret("hunter2")
    env = parse_env("PASSWORD=hunter2\nhunter2\n'hunter2'")
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{env}",
        repr(env.entries[0]),
        str(msgspec.structs.astuple(env)),
    ):
        assert "hunter2" not in shown
        assert "***" in shown
    assert not hasattr(secret, "__dict__")
    assert secret.reveal() == "hunter2"


def test_secrets_can_be_compared() -> None:
    assert Secret("ä\ud800") == Secret("ä\ud800") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_secrets_know_what_no_file_of_text_can_hold() -> None:
    assert [Secret(text).is_text() for text in ("", "ä\n", "\U0010ffff")] == [True, True, True]
    assert [Secret(text).is_text() for text in ("a\0", "\ud800", "a\udfff")] == [False, False, False]


def test_a_fingerprint_compares_without_showing() -> None:
    one, two = parse_env("A=x\nB=x\nC=1"), parse_env("A=x\nB=y\nC=1")
    mine, other = fingerprint(one, b"key"), fingerprint(two, b"key")
    assert [key for key in mine if mine[key] != other[key]] == ["B"]
    assert mine["A"] != mine["B"]
    assert mine != fingerprint(one, b"another key")
    assert all(len(value) == 16 and set(value) <= set("0123456789abcdef") for value in mine.values())


def test_a_fingerprint_needs_a_key() -> None:
    with pytest.raises(ValueError, match="without a key"):
        fingerprint(EnvFile(()), b"")


def test_one_fingerprint_of_a_whole_file() -> None:
    one = whole_fingerprint(parse_env("A=x\nB=y"), b"key")
    assert one == whole_fingerprint(parse_env("B=y\nA=x"), b"key")
    assert one != whole_fingerprint(parse_env("A=x\nB=z"), b"key")
    assert one != whole_fingerprint(parse_env("A=x\nB=y"), b"other")
    with pytest.raises(ValueError, match="without a key"):
        whole_fingerprint(parse_env("A=x"), b"")


@pytest.mark.parametrize(
    ("value", "quote", "written"),
    [
        ("postgres://u:p@db:5432/x?y=1", "'", "'postgres://u:p@db:5432/x?y=1'"),
        ("plain-1.2", "'", "plain-1.2"),
        ("", "'", ""),
        ("pa$$ word #1", "'", "'pa$$ word #1'"),
        ("it's $5", "'", '"it\'s \\$5"'),
        ("two\nlines", "'", '"two\\nlines"'),
        ("a\\b", "'", '"a\\\\b"'),
        ("http://${HOST}/", "", '"http://${HOST}/"'),
        ('say "hi"', '"', '"say \\"hi\\""'),
    ],
)
def test_entries_are_written_as_they_are_meant(value: str, quote: str, written: str) -> None:
    assert render_env([Entry("A", Secret(value), False, 1, quote=quote)]) == f"A={written}\n"


# ── properties ───────────────────────────────────────────────────────────────────────────────────

KEYS = st.from_regex(r"[A-Z_][A-Z0-9_]{0,9}", fullmatch=True)
VALUES = st.text(st.characters(blacklist_categories=("Cs",)))


def quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_what_is_written_in_double_quotes_is_read_back(env: dict[str, str]) -> None:
    text = "\n".join(f"{key}={quoted(value)}" for key, value in env.items())
    assert values(text) == env


@given(st.dictionaries(KEYS, VALUES, max_size=6), st.sampled_from(["'", '"', ""]))
def test_what_is_rendered_is_read_back(env: dict[str, str], quote: str) -> None:
    entries = [Entry(key, Secret(value), False, 0, quote=quote) for key, value in env.items()]
    assert values(render_env(entries)) == env


@given(st.text())
def test_any_text_is_read_and_no_line_number_is_out_of_range(text: str) -> None:
    env = parse_env(text)
    last = text.count("\n") + 1
    assert all(1 <= line <= last for line in (*env.bad_lines, *(entry.line_no for entry in env.entries)))
    assert len(set(env.keys)) == len(env.keys)
    assert set(env.duplicates) <= set(env.keys)


def test_a_resolved_environment_shows_its_length_and_no_value() -> None:
    env = ResolvedEnv(source=".env.vps", file=".env", text="PASSWORD=hunter2\n")
    for shown in (repr(env), str(env), f"{env}", f"{[env]}"):
        assert "hunter2" not in shown
        assert "<17 characters>" in shown
