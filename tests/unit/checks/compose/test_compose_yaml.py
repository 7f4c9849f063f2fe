"""YAML, as compose reads it."""

from __future__ import annotations

import pytest

from l9.checks.compose.yaml_reader import parse


def test_words_and_numbers_stay_as_they_are_written() -> None:
    text = "a: no\nb: 22:22\nc: 0600\nd: true\ne: null\nf: ~\ng: 5432\nh: 2024-01-01\ni: on\nj: False\n"
    assert parse(text) == {
        "a": "no", "b": "22:22", "c": "0600", "d": True, "e": None, "f": None, "g": "5432", "h": "2024-01-01",
        "i": "on", "j": False,
    }  # fmt: skip


def test_anchors_and_merges() -> None:
    text = "x: &x {a: 1, b: 1}\ny: {<<: *x, b: 2}\nz:\n  <<: [*x, {c: 3}]\n"
    assert parse(text) == {
        "x": {"a": "1", "b": "1"},
        "y": {"a": "1", "b": "2"},
        "z": {"a": "1", "b": "1", "c": "3"},
    }


def test_composes_own_words() -> None:
    text = "a: !reset [x]\nb: !override [x]\nc: !override {x: 1}\nd: !override x\n"
    assert parse(text) == {"a": None, "b": ["x"], "c": {"x": "1"}, "d": "x"}


def test_an_empty_file() -> None:
    assert parse("") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "line 1: "),
        ("a:\n\t- b\n", "line 2: while scanning .*, found character"),
        ("a: *b\n", "line 1: found undefined alias"),
        ("a: 1\n---\nb: 2\n", "expected a single document"),
        ("a: !!python/object/apply:os.system ['true']\n", "line 1: could not determine a constructor"),
        ("a: \x00\n", "unacceptable character"),
        ("[" * 2000, "nested too deep"),
    ],
)
def test_what_is_no_yaml(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text)
