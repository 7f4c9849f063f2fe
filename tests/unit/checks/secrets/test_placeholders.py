"""Test cases for telling placeholders from values that could be real."""

from __future__ import annotations

import pytest

from l9.checks.secrets.placeholders import is_placeholder


@pytest.mark.parametrize(
    "value",
    [
        "", "YOUR_KEY_HERE", "sk-proj-YOUR_KEY_HERE", "changeme", "change-me-please", "<your token>", "${TOKEN}",
        "{{ token }}", "xxxxxxxx", "sk_live_XXXXXXXX", "****", "...", "postgres", "minioadmin", "l9", "12345",
        "API_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AKIAIOSFODNN7EXAMPLE", "%(token)s", "00000000-0000",
        "dummy-value-1", "a_____b",
    ],
)  # fmt: skip
def test_places_are_held(value: str) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize(
    "value", ["hunter2", "Tr0ub4dor3", "9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c", "ghp_1234567890abcdefghijklmnopqrstuvwxyz"]
)  # fmt: skip
def test_what_could_be_real_is_no_placeholder(value: str) -> None:
    assert not is_placeholder(value)
