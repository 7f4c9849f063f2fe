"""COV: the share of lines changed since the last release that the tests ran, computed by diff-cover."""

from __future__ import annotations

import sys
from pathlib import Path

from l9.config.model import Config
from l9.drivers.git import commands as git
from l9.drivers.git.repo import GitRepo
from l9.drivers.process.programs import run
from l9.errors import ActionError
from l9.operator.pipeline import stage_commands as stages
from l9.operator.pipeline.sandbox import Sandbox
from l9.operator.pipeline.tree_under_test import TreeUnderTest

_SHOWN = 10  # files with lines that did not run


def judge_coverage(
    repo: GitRepo, config: Config, subject: TreeUnderTest, sandbox: Sandbox, evidence: Path
) -> tuple[bool, str, tuple[str, ...]]:
    """Judge the coverage of the changed lines; return if it suffices, a one-line result, and the missing lines."""
    text = _read(evidence / stages.COVERAGE)
    measured = stages.moved(text, sandbox.tree, str(repo.top)) if text else None
    if subject.base is None:
        return True, f"first release: nothing to compare with{_whole(measured)}", ()
    diff = repo.changed_python(subject.base.tree, subject.tree)
    changed = git.parse_changed_files(diff)
    if not changed:
        return True, f"no Python lines changed since {subject.base.tag}", ()
    if measured is None:
        return False, f"no coverage was measured: {_why(config)}", ()
    found = _compare(repo, measured, diff, evidence)
    result = (
        f"{found.ran} of {found.lines} changed lines ran ({found.percent:.0f} %) since {subject.base.tag}"
    )
    left_out = [path for path in changed if not stages.measures(measured, path)]
    note = f"; not measured: {', '.join(left_out[:3])}" if left_out else ""
    missing = [f"{path}: lines {', '.join(map(str, lines))}" for path, lines in sorted(found.missing.items())]
    wanted = config.cgmp.coverage
    if found.percent >= wanted:
        return True, result + note, tuple(missing[:_SHOWN])
    return False, f"{result}, {wanted:g} % required{note}", tuple(missing[:_SHOWN])


def _compare(repo: GitRepo, measured: str, diff: str, evidence: Path) -> stages.Covered:
    files = {
        name: evidence / name for name in ("changed.diff", "changed-coverage.xml", "changed-coverage.json")
    }
    source, coverage, report = files.values()
    source.write_text(diff, encoding="utf-8", errors="replace")
    coverage.write_text(measured, encoding="utf-8", errors="replace")
    argv = stages.diff_cover(sys.executable, str(coverage), str(source), str(report))
    done = run(argv, cwd=repo.top, timeout=300)
    found = stages.parse_diff_cover(_read(report) or "")
    if found is None:
        lines = done.last(20)
        raise ActionError(
            "the coverage of the changed lines cannot be computed",
            expected="diff-cover to compare coverage and diff",
            found=lines[-1] if lines else f"exit code {done.code}",
            remedy=f"{sys.executable} -m pip install diff-cover",
            log=lines,
        )
    return found


def _whole(measured: str | None) -> str:
    share = stages.line_rate(measured) if measured else None
    return "" if share is None else f"; {share:.0%} of all lines ran"


def _why(config: Config) -> str:
    if config.cgmp.cov:
        return f"[cgmp] cov wrote no {{evidence}}/{stages.COVERAGE}"
    if stages.is_pytest(config.check.test):
        return "pytest-cov is not installed where the tests run"
    return "the tests do not run with pytest: set [cgmp] cov to a command that measures coverage"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
