"""The stages' programs: their argument vectors, and parsers of what they write."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree as Xml

Argv = tuple[str, ...]

JUNIT, COVERAGE = "junit.xml", "coverage.xml"
# What is installed, as `pip freeze` counts it, also where there is no pip in the image.
FREEZE = (
    "import importlib.metadata as m; print(*sorted({f\"{d.metadata['Name']}=={d.version}\""
    " for d in m.distributions() if d.metadata['Name']}), sep='\\n')"
)
_RUFF = ("[tool.ruff", "ruff.toml", ".ruff.toml")
_MYPY = ("[tool.mypy", "mypy.ini", ".mypy.ini", "[mypy")


def inside(test: Argv, service: str) -> tuple[str, Argv]:
    """The service that a `docker compose run … SERVICE COMMAND` names, and the command; else `service` and `test`.

    What is written for a person at a prompt is run by l9 in a project of its own.
    """
    if "compose" not in test or "run" not in test:
        return service, test
    rest = list(test[test.index("run") + 1 :])
    while rest and rest[0].startswith("-"):
        rest.pop(0)
    return (rest[0], tuple(rest[1:])) if rest else (service, ())


def filled(argv: Iterable[str], names: Mapping[str, str]) -> Argv:
    """`{python}` and the like, filled in; other braces stay."""
    found = []
    for word in argv:
        for name, value in names.items():
            word = word.replace(f"{{{name}}}", value)  # noqa: PLW2901  # one after the other
        found.append(word)
    return tuple(found)


def usual_fix(files: Mapping[str, str]) -> tuple[Argv, ...]:
    """The formatter, linter and types that a project configures, by the files of its top (name to text)."""

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
    """Whether a command runs pytest, by itself or as a module."""
    return any(word.rpartition("/")[2] in ("pytest", "py.test") for word in argv)


def recorded(argv: Argv, evidence: str, *, measure: bool) -> Argv:
    """The tests, with JUnit XML written where they are pytest's, and the coverage of all files if wanted."""
    if not is_pytest(argv):
        return argv
    own = tuple(word for word in argv if word.startswith(("--junitxml", "--junit-xml")))
    junit = () if own else (f"--junitxml={evidence}/{JUNIT}",)
    wanted = (f"--cov-report=xml:{evidence}/{COVERAGE}", "--cov-report=")
    cov = (*(() if any(w.startswith("--cov") for w in argv) else ("--cov",)), *wanted) if measure else ()
    return (*argv, *junit, *cov)


def typed(argv: Iterable[str]) -> str:
    """An argument vector as it is typed at a prompt."""
    return shlex.join(argv)


def parse_junit(text: str) -> str | None:
    """How many tests passed, failed and were skipped, in words; None where this is no JUnit XML."""
    root = _xml(text)
    if root is None:
        return None
    cases = list(root.iter("testcase"))
    bad = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    counts = ((len(cases) - bad - skipped, "passed"), (bad, "failed"), (skipped, "skipped"))
    return ", ".join(f"{n} {word}" for n, word in counts if n or word == "passed")


def moved(coverage: str, inside: str, to: str) -> str | None:
    """Coverage XML whose sources lie in `to` and no longer in `inside`; None where this is none."""
    root = _xml(coverage)
    if root is None or root.tag != "coverage":
        return None
    for source in root.iter("source"):
        path = (source.text or "").rstrip("/")
        if path == inside or path.startswith(f"{inside}/"):
            source.text = to + path[len(inside) :]
    return Xml.tostring(root, encoding="unicode")


def measures(coverage: str, path: str) -> bool:
    """Whether the coverage XML tells of that file (a path from the top) at all."""
    root = _xml(coverage)
    names = () if root is None else (each.get("filename", "") for each in root.iter("class"))
    return any(path == name or path.endswith(f"/{name}") for name in names if name)


def line_rate(coverage: str) -> float | None:
    """The share of all lines that ran, 0..1; None where the XML does not say."""
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
    """The library that lays a diff over coverage XML, as a program: it goes by its working directory."""
    return (
        python, "-m", "diff_cover.diff_cover_tool", coverage,
        "--diff-file", diff, "--format", f"json:{report}", "--quiet",
    )  # fmt: skip


class Covered(NamedTuple):
    """How many changed lines were measured, how many of them ran, and which did not, by file."""

    lines: int
    ran: int
    missing: Mapping[str, tuple[int, ...]]

    @property
    def percent(self) -> float:
        return 100.0 * self.ran / self.lines if self.lines else 100.0


def parse_diff_cover(text: str) -> Covered | None:
    """The library's report, or None where this is none."""
    try:
        found = json.loads(text)
        lines, bad = int(found["total_num_lines"]), int(found["total_num_violations"])
        files = {path: tuple(each.get("violation_lines") or ()) for path, each in found["src_stats"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Covered(lines, lines - bad, {path: missing for path, missing in files.items() if missing})


def parse_freeze(out: str) -> tuple[str, ...]:
    """What is installed, one `name==version` a line."""
    return tuple(line.strip() for line in out.splitlines() if "==" in line)
