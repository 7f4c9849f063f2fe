"""Paths matched against patterns, as fnmatch does."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l9.checks.paths import matcher


@given(
    st.lists(st.text("a*?[]!-./\\(|)$\n", max_size=6), max_size=4), st.text("ab*?[]!-./\\(|)$\n", max_size=6)
)
def test_a_path_matches_if_one_pattern_does(patterns: list[str], path: str) -> None:
    assert matcher(patterns)(path) == any(fnmatchcase(path, pattern) for pattern in patterns)


@pytest.mark.parametrize(
    ("path", "found"), [("a/Dockerfile", True), ("Dockerfile.txt", True), ("docker", False)]
)
def test_usual_patterns(path: str, found: bool) -> None:
    assert matcher(("*Dockerfile*", "compose.yml"))(path) is found
