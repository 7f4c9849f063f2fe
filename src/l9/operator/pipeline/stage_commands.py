"""Argument vectors of the stages' programs, and parsers of their output."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree as Xml

Argv = tuple[str, ...]

JUNIT, COVERAGE = "junit.xml", "coverage.xml"
# Lists installed packages like `pip freeze`, and needs no pip in the image.
FREEZE = (
    "import importlib.metadata as m; print(*sorted({f\"{d.metadata['Name']}=={d.version}\""
    " for d in m.distributions() if d.metadata['Name']}), sep='\\n')"
)
_RUFF = ("[tool.ruff", "ruff.toml", ".ruff.toml")
_MYPY = ("[tool.mypy", "mypy.ini", ".mypy.ini", "[mypy")


def inside(test: Argv, service: str) -> tuple[str, Argv]:
    """Split `docker compose run … SERVICE COMMAND` into service and command; else return `service` and `test`.

    The setting is a command for a prompt; l9 runs it in a compose project of its own.
    """
    if "compose" not in test or "run" not in test:
        return service, test
    rest = list(test[test.index("run") + 1 :])
    while rest and rest[0].startswith("-"):
        rest.pop(0)
    return (rest[0], tuple(rest[1:])) if rest else (service, ())


def filled(argv: Iterable[str], names: Mapping[str, str]) -> Argv:
    """Fill in `{python}` and the other names; other braces stay."""
    found = []
    for word in argv:
        for name, value in names.items():
            word = word.replace(f"{{{name}}}", value)  # noqa: PLW2901  # one after the other
        found.append(word)
    return tuple(found)


def usual_fix(files: Mapping[str, str]) -> tuple[Argv, ...]:
    """Return the commands of the formatter, linter and type checker configured in these files (name to text)."""

    def configured(marks: Sequence[str]) -> bool:
        tables = [mark for mark in marks if mark.startswith("[")]
        return any(mark in files for mark in marks) or any(
            line.strip().startswith(table)
            for name in ("pyproject.toml", "setup.cfg")
            for line in files.get(name, "").splitlines()
            for table in tables
        )

    ruff = (("{python}", "-m", "ruff", "format", "--check", "."), ("{python}", "-m", "ruff", "check", "."))
    mypy = (("{python}", "-m", "mypy", "."),)
    return (*(ruff if configured(_RUFF) else ()), *(mypy if configured(_MYPY) else ()))


def is_pytest(argv: Argv) -> bool:
    """True if a command runs pytest, as a program or as a module."""
    return any(word.rpartition("/")[2] in ("pytest", "py.test") for word in argv)


def recorded(argv: Argv, evidence: str, *, measure: bool) -> Argv:
    """Return the test command; for pytest, with options that write JUnit XML and, with `measure`, coverage XML."""
    if not is_pytest(argv):
        return argv
    own = tuple(word for word in argv if word.startswith(("--junitxml", "--junit-xml")))
    junit = () if own else (f"--junitxml={evidence}/{JUNIT}",)
    wanted = (f"--cov-report=xml:{evidence}/{COVERAGE}", "--cov-report=")
    cov = (*(() if any(w.startswith("--cov") for w in argv) else ("--cov",)), *wanted) if measure else ()
    return (*argv, *junit, *cov)


def typed(argv: Iterable[str]) -> str:
    """Quote an argument vector for a prompt."""
    return shlex.join(argv)


def parse_junit(text: str) -> str | None:
    """Summarize how many tests passed, failed and were skipped; None if this is not JUnit XML."""
    root = _xml(text)
    if root is None:
        return None
    cases = list(root.iter("testcase"))
    bad = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    counts = ((len(cases) - bad - skipped, "passed"), (bad, "failed"), (skipped, "skipped"))
    return ", ".join(f"{n} {word}" for n, word in counts if n or word == "passed")


def moved(coverage: str, inside: str, to: str) -> str | None:
    """Rewrite the sources of coverage XML from `inside` to `to`; None if this is not coverage XML."""
    root = _xml(coverage)
    if root is None or root.tag != "coverage":
        return None
    for source in root.iter("source"):
        path = (source.text or "").rstrip("/")
        if path == inside or path.startswith(f"{inside}/"):
            source.text = to + path[len(inside) :]
    return Xml.tostring(root, encoding="unicode")


def measures(coverage: str, path: str) -> bool:
    """True if the coverage XML contains that file (a path from the top)."""
    root = _xml(coverage)
    names = () if root is None else (each.get("filename", "") for each in root.iter("class"))
    return any(path == name or path.endswith(f"/{name}") for name in names if name)


def line_rate(coverage: str) -> float | None:
    """Return the share of all lines that ran, 0..1; None if the XML does not contain it."""
    root = _xml(coverage)
    try:
        return None if root is None else float(root.get("line-rate", ""))
    except ValueError:
        return None


def _xml(text: str) -> Xml.Element | None:
    try:
        return Xml.fromstring(text)  # noqa: S314  # written by the release's own tests, which run as we do
    except Xml.ParseError:
        return None


def diff_cover(python: str, coverage: str, diff: str, report: str) -> Argv:
    """Return the command of diff-cover, a program because it depends on its working directory."""
    return (
        python, "-m", "diff_cover.diff_cover_tool", coverage,
        "--diff-file", diff, "--format", f"json:{report}", "--quiet",
    )  # fmt: skip


class Covered(NamedTuple):
    """The number of changed lines that were measured, of those that ran, and the missing ones by file."""

    lines: int
    ran: int
    missing: Mapping[str, tuple[int, ...]]

    @property
    def percent(self) -> float:
        return 100.0 * self.ran / self.lines if self.lines else 100.0


def parse_diff_cover(text: str) -> Covered | None:
    """Parse diff-cover's JSON report; None if it is malformed."""
    try:
        found = json.loads(text)
        lines, bad = int(found["total_num_lines"]), int(found["total_num_violations"])
        files = {path: tuple(each.get("violation_lines") or ()) for path, each in found["src_stats"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Covered(lines, lines - bad, {path: missing for path, missing in files.items() if missing})


def parse_freeze(out: str) -> tuple[str, ...]:
    """Parse the installed packages, one `name==version` a line."""
    return tuple(line.strip() for line in out.splitlines() if "==" in line)
