"""Variables, as compose and Docker write them."""

from __future__ import annotations

import pytest

from l9.checks.compose.variables import fill

VALUES = {"A": "a", "EMPTY": ""}


@pytest.mark.parametrize(
    ("written", "filled"),
    [
        ("plain", "plain"),
        ("$A/${A}", "a/a"),
        ("$$A", "$A"),
        ("${NONE}", "${NONE}"),
        ("$NONE", "$NONE"),
        ("${A:-b}", "a"),
        ("${NONE:-b}", "b"),
        ("${NONE-b}", "b"),
        ("${EMPTY:-b}", "b"),
        ("${EMPTY-b}", ""),
        ("${NONE:-${A}}", "a"),
        ("${NONE:-${OTHER:-c}}", "c"),
        ("${A:?needed}", "a"),
        ("${NONE:?needed}", "${NONE:?needed}"),
        ("${A:+b}", "b"),
        ("${EMPTY:+b}", ""),
        ("${EMPTY+b}", "b"),
        ("${NONE:+b}", ""),
        ("5$", "5$"),
    ],
)
def test_filled(written: str, filled: str) -> None:
    assert fill(written, VALUES) == filled
