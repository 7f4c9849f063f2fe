"""The four stages on real repositories, as processes: green, red with what helps, and never run twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from l9.checks.pipeline.stages import CgmpReport, StageResult
from l9.config.model import Config
from l9.configuration import parse
from l9.core.states import Stage
from l9.drivers.git.repo import GitRepo
from l9.drivers.process import proc
from l9.errors import ActionError
from l9.operator.pipeline import sandbox as bench
from l9.operator.pipeline.pipeline import run_stages
from l9.operator.pipeline.tree_under_test import (
    TreeUnderTest,
    base_of,
    key_of,
    remembered,
    runtimes_of,
    subject_of,
)

SERVER = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

API = {"openapi": "3.1.0", "info": {"title": "a", "version": "1"}, "paths": {"/items": {"get": {}}}}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        known = {
            "/health": {"status": os.environ.get("STATUS", "healthy")},
            "/openapi.json": API,
            "/items": {"items": 3, "key": self.headers.get("X-Key")},
        }
        found = known.get(self.path)
        body = json.dumps(found).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        print("asked for", self.path, "with", os.environ.get("API_KEY"), flush=True)


HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
COVERAGE = '[project]\nname = "Shop"\n[tool.coverage.run]\nsource = ["app"]\nomit = ["app/server.py"]\n'
CODE = "def double(x):\n    return 2 * x\n"
TESTS = "from app.code import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
SETTINGS = """app = "shop"
{check}
[cgmp]
{cgmp}
{golden}
[process]
command = ["{{python}}", "app/server.py"]
[health]
deadline = 15
[targets.production]
host = "local"
runtime = "process"
"""
PYTEST = 'test = ["{python}", "-m", "pytest", "-q", "-p", "no:cacheprovider"]'
V1, V2 = "v1.0.0-l9", "v1.1.0-l9"


class Shop:
    """A repository with a small server, its tests and its settings."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.settings: dict[str, str] = {"check": f"[check]\n{PYTEST}", "cgmp": "fix = []", "golden": ""}
        self.said: list[str] = []
        top.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        for path, text in {
            "app/__init__.py": "", "app/code.py": CODE, "app/server.py": SERVER, "tests/test_code.py": TESTS,
            "conftest.py": "", ".env.example": "API_KEY=example-of-a-key\n",
            "pyproject.toml": COVERAGE,
            "requirements.txt": "click==8.1.7\n", "Dockerfile": "FROM scratch\n",
        }.items():  # fmt: skip
            self.write(path, text)
        self.commit()

    def git(self, *args: str) -> str:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@l9.invalid")
        done = subprocess.run(("git", *who, *args), cwd=self.top, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        file = self.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "Add: Something")

    def release(self, tag: str) -> None:
        self.git("tag", "--annotate", tag, "-m", f"Release {tag}: Something")

    @property
    def config(self) -> Config:
        return parse(SETTINGS.format(**self.settings))

    @property
    def repo(self) -> GitRepo:
        return GitRepo(self.top, self.config)

    def run(self, *stages: Stage, again: bool = False, tag: str = "") -> CgmpReport:
        subject = subject_of(self.repo, self.config, tag)
        return run_stages(
            self.repo, self.config, subject, stages or tuple(Stage), self.said.append, again=again
        )

    def last(self, *stages: Stage, **how: Any) -> StageResult:
        return self.run(*stages, **how).stages[-1]

    def key(self) -> str:
        return key_of(self.repo, self.config, subject_of(self.repo, self.config, ""))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "the shop ü")


def left_behind() -> list[Path]:
    mine = f"{bench.PREFIX}{bench.owner()}"
    return [p for p in Path(tempfile.gettempdir()).iterdir() if p.name.startswith(mine)]


# ── all of them ──────────────────────────────────────────────────────────────────────────────────


def test_all_four_are_green_and_leave_evidence(shop: Shop) -> None:
    report = shop.run()
    assert report.passed, report
    assert [r.found.split(" after")[0].split(";")[0] for r in report.stages] == [
        "no formatter, linter or types configured", "1 passed", "first release: nothing to compare with", "healthy",
    ]  # fmt: skip
    assert (report.where, report.image, report.freeze) == ("process", None, None)
    assert report.openapi["paths"] == {"/items": {"get": {}}}
    folder = shop.repo.state() / "cgmp" / "runs" / report.key
    assert {"junit.xml", "coverage.xml", "oracle.log", "stages.log"} <= set(report.evidence)
    for name, digest in report.evidence.items():
        done = subprocess.run(("sha256sum", "--", folder / name), capture_output=True, text=True, check=True)
        assert done.stdout.split()[0] == digest
    assert left_behind() == []
    assert shop.git("status", "--porcelain") == ""


def test_a_later_one_runs_only_after_the_earlier_is_green(shop: Shop) -> None:
    shop.settings["cgmp"] = 'fix = [["false"]]'
    assert [(r.stage, r.ok) for r in shop.run().stages] == [(Stage.FIX, False)]


def test_a_stage_that_is_skipped_says_why(shop: Shop) -> None:
    shop.settings["cgmp"] = 'fix = [["false"]]\nskip = { fix = "no formatter yet", oracle = "no server" }'
    report = shop.run()
    assert report.passed
    assert report.stages[0].found == "skipped (no formatter yet)"


def test_only_what_is_staged_can_be_judged(shop: Shop) -> None:
    shop.settings["cgmp"] = 'fix = [["grep", "-q", "staged", "note"]]'
    shop.write("note", "staged")
    shop.git("add", "note")
    tree = shop.git("write-tree")
    shop.write("note", "unstaged")
    report = run_stages(shop.repo, shop.config, TreeUnderTest(tree, tree), (Stage.FIX,), shop.said.append)
    assert report.stages[0].ok


# ── FIX ──────────────────────────────────────────────────────────────────────────────────────────


def test_fix_runs_what_the_project_configures(shop: Shop) -> None:
    shop.settings["cgmp"] = ""
    shop.write("ruff.toml", "")
    shop.commit()
    assert shop.last(Stage.FIX).found == "exit code 1"  # the server above is not formatted
    for path in ("app/server.py", "tests/test_code.py"):
        subprocess.run((sys.executable, "-m", "ruff", "format", "-q", path), cwd=shop.top, check=True)
    shop.write("ruff.toml", "[lint]\nselect = ['E9']\n")
    shop.commit()
    assert shop.last(Stage.FIX).found == "nothing to change (2 programs)"


def test_fix_tells_the_last_lines_and_the_command(shop: Shop) -> None:
    shop.settings["cgmp"] = """fix = [["true"], ["{python}", "-c", "print('x.py: too long'); exit(3)"]]"""
    result = shop.last(Stage.FIX)
    assert (result.ok, result.found, result.tail) == (False, "exit code 3", ("x.py: too long",))
    assert result.command == """python -c 'print('"'"'x.py: too long'"'"'); exit(3)'"""


def test_a_formatter_that_formats_has_found_something(shop: Shop) -> None:
    shop.settings["cgmp"] = """fix = [["{python}", "-c", "open('app/code.py', 'a').write('#')"]]"""
    result = shop.last(Stage.FIX)
    assert (result.ok, result.found) == (False, "it changed 1 files: app/code.py")
    assert shop.git("status", "--porcelain") == ""


def test_a_program_that_there_is_not(shop: Shop) -> None:
    shop.settings["cgmp"] = 'fix = [["no-such-linter"]]'
    result = shop.last(Stage.FIX)
    assert result.found == "no-such-linter cannot be run: No such file or directory"
    assert result.command == "command -v no-such-linter"


# ── SIM ──────────────────────────────────────────────────────────────────────────────────────────


def test_sim_that_is_red(shop: Shop) -> None:
    shop.write("tests/test_code.py", TESTS.replace("== 4", "== 5"))
    shop.commit()
    result = shop.last()
    assert (result.stage, result.found) == (Stage.SIM, "exit code 1: 0 passed, 1 failed")
    assert any("assert 4 == 5" in line for line in result.tail)
    assert result.command == "python -m pytest -q -p no:cacheprovider"


def test_sim_that_takes_too_long_ends_with_all_that_it_started(shop: Shop) -> None:
    marker = f"{time.time_ns()}"
    shop.settings["check"] = (
        f"""[check]\ntest = ["sh", "-c", "sleep 600.{marker} & sleep 600.{marker}"]\ntest_timeout = 0.5"""
    )
    result = shop.last(Stage.FIX, Stage.SIM)
    assert (result.found, result.tail[-1]) == ("exit code 124", "stopped after 0.5 s")
    running = subprocess.run(("ps", "-eo", "args"), capture_output=True, text=True, check=True).stdout
    assert f"600.{marker}" not in running


def test_tests_that_are_not_pytests(shop: Shop) -> None:
    shop.settings |= {"check": '[check]\ntest = ["true"]', "cgmp": "fix = []\ncoverage = 0"}
    report = shop.run()
    assert report.passed
    assert [r.found for r in report.stages[1:3]] == [
        "true: exit code 0",
        "disabled ([cgmp] coverage = 0)",
    ]
    shop.settings["check"] = "[check]\ntest = []"
    assert shop.run(Stage.FIX, Stage.SIM).stages[1].found == "no tests configured"


# ── COV ──────────────────────────────────────────────────────────────────────────────────────────

BRANCHES = CODE + "\n\ndef half(x):\n    if x < 0:\n        return None\n    return x / 2\n"


def test_cov_counts_the_lines_that_changed(shop: Shop) -> None:
    shop.release(V1)
    shop.write("app/code.py", BRANCHES)
    shop.write("tests/test_code.py", TESTS + "    from app.code import half\n    assert half(2) == 1\n")
    shop.commit()
    result = shop.last(Stage.FIX, Stage.SIM, Stage.COV)
    assert (result.stage, result.ok) == (Stage.COV, False)
    assert result.found.startswith("3 of 4 changed lines ran (75 %) since v1.0.0-l9, 100 % required")
    assert result.tail == ("app/code.py: lines 7",)
    assert result.command == "python -m pytest -q -p no:cacheprovider --cov --cov-report=term-missing"
    shop.settings["cgmp"] = "fix = []\ncoverage = 75"
    assert shop.last(Stage.FIX, Stage.SIM, Stage.COV).ok


def test_cov_without_a_line_of_python_says_so(shop: Shop) -> None:
    shop.release(V1)
    shop.write("README.md", "more")
    shop.commit()
    assert shop.last(Stage.FIX, Stage.SIM, Stage.COV).found == "no Python lines changed since v1.0.0-l9"


def test_cov_that_nobody_measured_is_red(shop: Shop) -> None:
    shop.release(V1)
    shop.settings["check"] = '[check]\ntest = ["true"]'
    shop.write("app/code.py", BRANCHES)
    shop.commit()
    result = shop.last(Stage.FIX, Stage.SIM, Stage.COV)
    assert (result.stage, result.ok) == (Stage.COV, False)
    assert "set [cgmp] cov to a command" in result.found
    shop.settings["cgmp"] = 'fix = []\ncov = ["true"]'
    assert "cov wrote no {evidence}/coverage.xml" in shop.last(Stage.FIX, Stage.SIM, Stage.COV).found
    shop.settings["cgmp"] = 'fix = []\ncov = ["false"]'
    assert shop.last(Stage.FIX, Stage.SIM, Stage.COV).found == "exit code 1"


def test_cov_by_a_command_of_its_own(shop: Shop) -> None:
    shop.release(V1)
    shop.write("app/code.py", BRANCHES)
    shop.commit()
    measure = '["{python}", "-m", "pytest", "-q", "--cov", "--cov-report=xml:{evidence}/coverage.xml"]'
    shop.settings |= {
        "check": '[check]\ntest = ["true"]',
        "cgmp": f"fix = []\ncov = {measure}\ncoverage = 20",
    }
    result = shop.last(Stage.FIX, Stage.SIM, Stage.COV)
    assert result.found.startswith("1 of 4 changed lines ran (25 %)")
    assert result.ok


# ── ORACLE ───────────────────────────────────────────────────────────────────────────────────────


def oracle(shop: Shop) -> StageResult:
    return shop.last(Stage.ORACLE)


def test_a_release_that_is_never_healthy(shop: Shop) -> None:
    shop.settings["cgmp"] = 'fix = []\nenv = { STATUS = "sick" }'
    config = parse(SETTINGS.format(**shop.settings).replace("deadline = 15", "deadline = 4"))
    subject = subject_of(shop.repo, config, "")
    result = run_stages(shop.repo, config, subject, (Stage.ORACLE,), shop.said.append).stages[0]
    assert "within 4 s" in result.found
    assert 'status = "sick"' in result.found
    assert result.command == "python app/server.py"


def test_a_release_that_does_not_start_is_not_waited_for(shop: Shop) -> None:
    shop.write("app/server.py", "raise SystemExit('no configuration')\n")
    shop.commit()
    began = time.monotonic()
    result = oracle(shop)
    assert result.found == "the release does not start: it ended with exit code 1"
    assert result.tail == ("no configuration",)
    assert time.monotonic() - began < 10


GOLDEN = '[[cgmp.golden]]\npath = "/items"\nheaders = { X-Key = "{env:API_KEY}" }\nfields = { items = %s }'


def test_golden_requests_of_the_settings_and_of_a_file(shop: Shop) -> None:
    shop.settings["golden"] = GOLDEN % 3
    shop.write("tests/golden.json", json.dumps([{"path": "/items", "fields": {"key": "example-of-a-key"}}]))
    shop.commit()
    assert "expected key = ***, found" in oracle(shop).found  # the file's request sends no key
    shop.write("tests/golden.json", json.dumps([{"path": "/health"}]))
    shop.commit()
    assert "2 golden requests answered" in oracle(shop).found
    shop.settings["golden"] = GOLDEN % 4
    assert oracle(shop).found == "GET /items: expected items = 4, found items = 3"
    shop.write("tests/golden.json", "[{]")
    shop.commit()
    result = oracle(shop)
    assert result.found.startswith("tests/golden.json cannot be read")
    assert result.command == "$EDITOR tests/golden.json"


def test_the_local_environment_is_laid_over_the_example_and_never_shown(shop: Shop) -> None:
    shop.write(".env.local", "API_KEY=a-very-secret-key\n")
    shop.settings["golden"] = GOLDEN % 4
    result = oracle(shop)
    assert any("asked for /items with ***" in line for line in result.tail)
    folder = shop.repo.state() / "cgmp"
    kept = [p for p in folder.rglob("*") if p.is_file() and p.name != "oracle.log"]
    assert all(b"a-very-secret-key" not in p.read_bytes() for p in kept)
    assert all("a-very-secret-key" not in line for line in shop.said)
    assert {p.stat().st_mode & 0o077 for p in folder.rglob("oracle.log")} == {0}


def test_the_api_is_compared_with_the_last_releases(shop: Shop) -> None:
    shop.release(V1)  # no stage has ever run on it: it is started to be asked
    shop.write("app/server.py", SERVER.replace('"/items": {"get": {}}', '"/things": {"get": {}}'))
    shop.commit()
    report = shop.run(Stage.ORACLE)
    assert report.api is not None
    assert (report.api.level, report.api.breaking) == ("major", ("GET /items was removed",))
    assert "API incompatible with v1.0.0-l9" in report.stages[0].found
    assert f"starting {V1} to get its API" in shop.said
    shop.said.clear()
    shop.write("README.md", "x")
    shop.commit()
    assert shop.run(Stage.ORACLE).api == report.api
    assert shop.said == []


def test_an_api_document_that_is_gone(shop: Shop) -> None:
    shop.run(Stage.ORACLE)
    shop.release(V1)
    shop.write("app/server.py", SERVER.replace('"/openapi.json": API,', ""))
    shop.commit()
    assert oracle(shop).found == f"no API document at /openapi.json, where {V1} has one"
    shop.settings["cgmp"] = 'fix = []\nopenapi = ""'
    assert oracle(shop).ok


def test_a_last_release_that_does_not_start_had_no_clients(shop: Shop) -> None:
    broken, mended = "v1.0.1-l9", '"paths": {}}'
    shop.release(V1)
    shop.write("app/server.py", "raise SystemExit(1)\n")
    shop.commit()
    shop.release(broken)
    shop.write("app/server.py", SERVER.replace('"paths": {"/items": {"get": {}}}}', mended))
    shop.commit()
    report = shop.run(Stage.ORACLE)
    assert report.api is not None
    assert report.api.breaking == ("GET /items was removed",)
    assert report.stages[-1].found.endswith(f"API incompatible with {V1}")
    assert any(
        said.startswith(f"cannot get the API of {broken} (the release does not start") for said in shop.said
    )


def test_no_release_that_starts(shop: Shop) -> None:
    shop.write("app/server.py", "raise SystemExit(1)\n")
    shop.commit()
    shop.release(V1)
    shop.write("app/server.py", SERVER)
    shop.commit()
    assert oracle(shop).found.endswith("API recorded")


# ── what has run does not run again ──────────────────────────────────────────────────────────────


def test_an_unchanged_tree_is_never_run_twice(shop: Shop) -> None:
    assert remembered(shop.repo, shop.config, "") is None
    first = shop.run()
    shop.said.clear()
    second = shop.run()
    assert shop.said == []
    assert all(r.cached for r in second.stages)
    assert [msgspec.structs.replace(r, cached=False) for r in second.stages] == list(first.stages)
    known = remembered(shop.repo, shop.config, "")
    assert known is not None
    assert known.passed
    assert not shop.run(again=True).stages[0].cached


def test_a_red_stage_runs_again_and_the_green_before_it_does_not(shop: Shop) -> None:
    shop.settings["check"] = '[check]\ntest = ["false"]'
    shop.run()
    assert [r.cached for r in shop.run().stages] == [True, False]


def test_a_tag_of_the_same_tree_is_known_already(shop: Shop) -> None:
    shop.run()
    shop.release(V1)
    assert all(r.cached for r in shop.run(tag=V1).stages)


def _changed(path: str) -> Callable[[Shop], None]:
    def change(shop: Shop) -> None:
        shop.write(path, "changed\n")
        shop.commit()

    return change


def _setting(name: str, text: str) -> Callable[[Shop], None]:
    return lambda shop: shop.settings.update({name: text})


@pytest.mark.parametrize(
    "change",
    [
        _changed("app/code.py"),
        _changed("Dockerfile"),
        _changed("requirements.txt"),
        _setting("check", '[check]\ntest = ["true"]'),
        _setting("cgmp", "fix = []\ncoverage = 99"),
        _setting("golden", '[[cgmp.golden]]\npath = "/items"'),
        _setting("cgmp", 'fix = []\nwhere = "container"'),
        lambda shop: (shop.release(V1), shop.commit()),
    ],
    ids=["tree", "Dockerfile", "lock", "tests", "stages", "golden", "where", "base"],
)
def test_what_the_outcome_depends_on(shop: Shop, change: Callable[[Shop], None]) -> None:
    before = shop.key()
    assert shop.key() == before
    change(shop)
    assert shop.key() != before


def test_what_it_does_not_depend_on(shop: Shop) -> None:
    before = shop.key()
    shop.write(".env.local", "API_KEY=another\n")
    shop.write("notes.txt", "not in git")
    shop.git("commit", "--quiet", "--amend", "-m", "Add: The same tree")
    shop.settings["golden"] = "# a comment"
    assert shop.key() == before


def test_a_report_that_cannot_be_read_was_never_there(shop: Shop) -> None:
    report = shop.run(Stage.FIX)
    (shop.repo.state() / "cgmp" / "runs" / report.key / "report.json").write_text("{", encoding="utf-8")
    assert remembered(shop.repo, shop.config, "") is None


# ── bases, places, crashes ───────────────────────────────────────────────────────────────────────


def test_the_release_before(shop: Shop) -> None:
    assert base_of(shop.repo, shop.config, "") is None
    for tag in (V1, V2, "not-a-release"):
        shop.write("note", tag)
        shop.commit()
        shop.release(tag)
    shop.commit()
    head, second = base_of(shop.repo, shop.config, ""), base_of(shop.repo, shop.config, V2)
    assert head is not None
    assert second is not None
    assert (head.tag, head.version, second.tag) == (V2, (1, 1, 0), V1)
    assert second.tree == shop.git("rev-parse", f"{V1}^{{tree}}")
    assert base_of(shop.repo, shop.config, V1) is None


@pytest.mark.parametrize(
    ("cgmp", "check", "runtime", "places"),
    [
        ("", PYTEST, "process", ("process", "process")),
        ("", PYTEST, "compose", ("process", "container")),
        ("", "", "compose", ("container", "container")),
        ("", "", "process", ("process", "process")),
        ('where = "container"', PYTEST, "process", ("container", "container")),
        ('where = "process"', "", "compose", ("process", "process")),
    ],
)
def test_where_stages_run(
    cgmp: str,
    check: str,
    runtime: str,
    places: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "docker").write_text("", encoding="utf-8")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    text = (
        f'app = "a"\n[check]\n{check}\n[cgmp]\n{cgmp}\n[targets.x]\nhost = "local"\nruntime = "{runtime}"\n'
    )
    found = runtimes_of(parse(text))
    assert (found.tests, found.oracle) == places
    assert found.both == ("container" if places == ("container", "container") else "process")


def test_where_there_is_no_docker_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = runtimes_of(parse('app = "a"\n[targets.x]\nhost = "local"\n'))
    assert (found.tests, found.oracle) == ("process", "process")


HANG = """
import sys
from pathlib import Path
from l9.drivers.git.repo import GitRepo
from l9.configuration import parse
from l9.checks.pipeline.stages import Stage
from l9.operator.pipeline.pipeline import run_stages
from l9.operator.pipeline.tree_under_test import subject_of
config = parse(sys.argv[2])
repo = GitRepo(Path(sys.argv[1]), config)
run_stages(repo, config, subject_of(repo, config, ""), (Stage.ORACLE,), print)
"""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_what_a_crash_leaves_is_removed_by_the_next_run(shop: Shop, sign: signal.Signals) -> None:
    """Killed while the release is up: Ctrl-C cleans up by itself, after SIGKILL the next run does."""
    shop.settings["cgmp"] = 'fix = []\nenv = { STATUS = "sick" }'
    settings = SETTINGS.format(**shop.settings)
    child = subprocess.Popen((sys.executable, "-c", HANG, shop.top, settings), stderr=subprocess.DEVNULL)
    prefix = f"{bench.PREFIX}{child.pid}-{proc.birth(child.pid)}"
    until, server = time.monotonic() + 20, ""
    while not server and time.monotonic() < until:
        time.sleep(0.05)
        folders = [p for p in Path(tempfile.gettempdir()).iterdir() if p.name.startswith(prefix)]
        server = next((f.read_text() for p in folders if (f := p / bench.SERVER).is_file()), "")
    pid, born = map(int, server.split())
    assert proc.alive(pid, born)
    child.send_signal(sign)
    child.wait(20)
    if sign is signal.SIGKILL:
        assert proc.alive(pid, born)
        with bench.workplace():
            pass
    until = time.monotonic() + 5
    while proc.alive(pid, born) and time.monotonic() < until:
        time.sleep(0.02)
    assert not proc.alive(pid, born)
    assert [p for p in Path(tempfile.gettempdir()).iterdir() if p.name.startswith(prefix)] == []


def test_somebody_elses_folder_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in (f"{bench.PREFIX}notes", f"{bench.PREFIX}{bench.owner()}-x", f"{bench.PREFIX}1-2-x"):
        (tmp_path / name).mkdir()
    with bench.workplace():
        kept = {p.name for p in tmp_path.iterdir()}
    assert {f"{bench.PREFIX}notes", f"{bench.PREFIX}{bench.owner()}-x"} <= kept
    assert f"{bench.PREFIX}1-2-x" not in kept


def test_a_tree_that_git_does_not_have(shop: Shop) -> None:
    with pytest.raises(ActionError):
        run_stages(shop.repo, shop.config, TreeUnderTest("0" * 40, "0" * 40), tuple(Stage), shop.said.append)
