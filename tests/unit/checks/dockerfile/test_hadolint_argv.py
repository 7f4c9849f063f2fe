"""The Dockerfile linter's command line, and what it prints."""

from __future__ import annotations

import pytest

from l9.checks.dockerfile.dockerfile import LintFinding
from l9.checks.dockerfile.hadolint_commands import lint, parse_findings


def test_its_argument_vector() -> None:
    assert lint("/bin/hadolint") == ("/bin/hadolint", "--no-fail", "--format", "json", "-")
    assert lint("hadolint", "s.yaml")[-3:] == ("--config", "s.yaml", "-")


def test_findings() -> None:
    out = '[{"code":"DL3006","column":1,"file":"-","level":"warning","line":1,"message":"Always tag"}]'
    assert parse_findings(out, (7, 8)) == (LintFinding(7, "DL3006", "warning", "Always tag"),)
    assert parse_findings(out.replace('"line":1', '"line":3'), (7, 8))[0].line == 8  # at the very end
    assert parse_findings(out, ())[0].line == 1
    assert parse_findings("[]", ()) == ()


@pytest.mark.parametrize("out", ["", "Error", "{}", '[{"line": "one"}]'])
def test_what_is_no_answer(out: str) -> None:
    with pytest.raises(ValueError):
        parse_findings(out, (1,))
