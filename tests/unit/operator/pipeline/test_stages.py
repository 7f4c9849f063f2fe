"""The stages' programs: what is run, and what is read of what they wrote."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from l9.operator.pipeline import stage_commands as stages

RUFF = (("{python}", "-m", "ruff", "format", "--check", "."), ("{python}", "-m", "ruff", "check", "."))
MYPY = (("{python}", "-m", "mypy", "."),)


@pytest.mark.parametrize(
    ("test", "service", "command"),
    [
        (("docker", "compose", "run", "--rm", "test", "pytest", "-v"), "test", ("pytest", "-v")),
        (("docker", "compose", "--file", "x.yml", "run", "-T", "checks"), "checks", ()),
        (("docker", "compose", "run", "--rm"), "else", ()),
        (("pytest", "-q"), "else", ("pytest", "-q")),
        (("make", "run"), "else", ("make", "run")),
        ((), "else", ()),
    ],
)
def test_what_runs_inside(test: tuple[str, ...], service: str, command: tuple[str, ...]) -> None:
    assert stages.inside(test, "else") == (service, command)


def test_names_are_filled_in_and_other_braces_stay() -> None:
    names = {"python": "/usr/bin/python", "evidence": "/e"}
    assert stages.filled(("{python}", "-c", "{x}", "{evidence}/{python}"), names) == (
        "/usr/bin/python", "-c", "{x}", "/e//usr/bin/python",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        ({}, ()),
        ({"pyproject.toml": "[project]\n"}, ()),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}, RUFF),
        ({"pyproject.toml": "[tool.ruff.lint]\n"}, RUFF),
        ({"pyproject.toml": "# [tool.ruff]\n"}, ()),
        ({"ruff.toml": ""}, RUFF),
        ({".ruff.toml": ""}, RUFF),
        ({"pyproject.toml": "[tool.mypy]\n"}, MYPY),
        ({"mypy.ini": ""}, MYPY),
        ({"setup.cfg": "[mypy]\n"}, MYPY),
        ({"pyproject.toml": "[tool.mypy]\n  [tool.ruff]\n"}, (*RUFF, *MYPY)),
    ],
)
def test_what_a_project_configures(files: dict[str, str], commands: tuple[tuple[str, ...], ...]) -> None:
    assert stages.usual_fix(files) == commands


@pytest.mark.parametrize(
    ("argv", "is_one"),
    [
        (("pytest",), True),
        (("python", "-m", "pytest", "-q"), True),
        (("/opt/venv/bin/pytest",), True),
        (("py.test",), True),
        (("tox",), False),
        (("python", "run_pytest.py"), False),
    ],
)
def test_what_pytest_is(argv: tuple[str, ...], is_one: bool) -> None:
    assert stages.is_pytest(argv) is is_one


@pytest.mark.parametrize(
    ("argv", "measure", "added"),
    [
        (("tox",), True, ()),
        (("pytest",), False, ("--junitxml=/e/junit.xml",)),
        (("pytest", "--junitxml=own.xml"), False, ()),
        (("pytest", "--junit-xml=own.xml"), False, ()),
        (("pytest",), True,
         ("--junitxml=/e/junit.xml", "--cov", "--cov-report=xml:/e/coverage.xml", "--cov-report=")),
        (("pytest", "--cov=api"), True,
         ("--junitxml=/e/junit.xml", "--cov-report=xml:/e/coverage.xml", "--cov-report=")),
    ],
)  # fmt: skip
def test_what_is_recorded(argv: tuple[str, ...], measure: bool, added: tuple[str, ...]) -> None:
    assert stages.recorded(argv, "/e", measure=measure) == (*argv, *added)


def test_a_command_as_it_is_typed() -> None:
    assert stages.typed(("python", "-c", "print('a b')")) == """python -c 'print('"'"'a b'"'"')'"""


CASES = {
    "passed": "<testcase name='a'/>",
    "failed": "<testcase name='b'><failure/></testcase>",
    "broken": "<testcase name='c'><error/></testcase>",
    "skipped": "<testcase name='d'><skipped/></testcase>",
}


@pytest.mark.parametrize(
    ("cases", "told"),
    [
        ((), "0 passed"),
        (("passed", "passed"), "2 passed"),
        (("passed", "failed", "broken", "skipped"), "1 passed, 2 failed, 1 skipped"),
    ],
)
def test_junit_in_words(cases: tuple[str, ...], told: str) -> None:
    text = "".join(CASES[case] for case in cases)
    assert stages.parse_junit(f"<testsuites><testsuite>{text}</testsuite></testsuites>") == told


def test_what_is_no_junit() -> None:
    assert stages.parse_junit("<torn") is None


COVERAGE = """<coverage line-rate="0.75"><sources><source>/app</source><source>/application</source>
<source>/app/api/</source><source/></sources><packages><package><classes><class filename="api/x.py"/><class/>
</classes></package></packages></coverage>"""


def test_coverage_is_moved_to_where_the_sources_lie() -> None:
    moved = stages.moved(COVERAGE, "/app", "/tree")
    assert moved is not None
    for source in ("/tree", "/application", "/tree/api"):
        assert f"<source>{source}</source>" in moved
    assert stages.moved("<torn", "/app", "/work") is None
    assert stages.moved("<testsuites/>", "/app", "/work") is None


@pytest.mark.parametrize(
    ("path", "measured"), [("api/x.py", True), ("src/api/x.py", True), ("x.py", False), ("api/y.py", False)]
)
def test_whether_a_file_was_measured(path: str, measured: bool) -> None:
    assert stages.measures(COVERAGE, path) is measured
    assert not stages.measures("<torn", path)


def test_the_share_of_all_lines() -> None:
    assert stages.line_rate(COVERAGE) == 0.75
    assert stages.line_rate("<coverage/>") is None
    assert stages.line_rate("<torn") is None


def test_the_library_is_there_as_a_program() -> None:
    argv = stages.diff_cover(sys.executable, "c.xml", "d.diff", "r.json")
    assert argv[3:] == ("c.xml", "--diff-file", "d.diff", "--format", "json:r.json", "--quiet")
    done = subprocess.run((*argv[:3], "--help"), capture_output=True, text=True, check=True)
    assert "--diff-file" in done.stdout


def test_what_the_library_found() -> None:
    files = {"a.py": {"violation_lines": [3, 4]}, "b.py": {"violation_lines": []}}
    found = stages.parse_diff_cover(
        json.dumps({"total_num_lines": 8, "total_num_violations": 2, "src_stats": files})
    )
    assert found == stages.Covered(8, 6, {"a.py": (3, 4)})
    assert found.percent == 75
    assert stages.Covered(0, 0, {}).percent == 100


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"total_num_lines": "x"}', "null"])
def test_what_is_no_report_of_the_library(text: str) -> None:
    assert stages.parse_diff_cover(text) is None


def test_what_is_installed() -> None:
    done = subprocess.run((sys.executable, "-c", stages.FREEZE), capture_output=True, text=True, check=True)
    found = stages.parse_freeze(f"warning: x\n{done.stdout}")
    assert any(line.startswith("pytest==") for line in found)
    assert all("==" in line for line in found)
