"""hadolint, the Dockerfile linter: its argument vector and its output."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from l9.checks.dockerfile.dockerfile import LintFinding

UNREADABLE = "DL1000"


def lint(program: str, config: str = "") -> tuple[str, ...]:
    """Lint the Dockerfile on standard input; findings are no failure. `config` is a settings file."""
    return (program, "--no-fail", "--format", "json", *(("--config", config) if config else ()), "-")


def parse_findings(out: str, lines: Sequence[int]) -> tuple[LintFinding, ...]:
    """Parse `lint`'s output, in the file's order; `lines` maps its lines to the file's. Raises ValueError."""
    try:
        found = msgspec.json.decode(out, type=tuple[LintFinding, ...])
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    return tuple(replace(one, line=lines[min(one.line, len(lines)) - 1]) if lines else one for one in found)
