"""`l9 cgmp`: the stages of HEAD or of a tag, for people and for machines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from documented import documents

SETTINGS = """app = "shop"
[check]
test = ["{python}", "-c", "print('tested')"]
[cgmp]
fix = [["{python}", "-c", "open('app.py')"]]
coverage = 0
skip = { oracle = "no server" }
[targets.production]
host = "local"
runtime = "process"
"""
TAG = "v1.0.0-l9"


class Desk:
    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        (top / "l9.toml").write_text(SETTINGS, encoding="utf-8")
        (top / "app.py").write_text("", encoding="utf-8")
        (top / ".env.example").write_text("", encoding="utf-8")

    def git(self, *args: str) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@l9.invalid")
        subprocess.run(("git", *who, *args), cwd=self.top, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Add: Something")

    def l9(self, *args: str, code: int = 0) -> tuple[str, str]:
        argv = (sys.executable, "-m", "l9", "cgmp", *args)
        done = subprocess.run(argv, cwd=self.top, capture_output=True, text=True, check=False)
        assert done.returncode == code, (done.stdout, done.stderr)
        assert not done.stderr.startswith("Traceback")
        return done.stdout, done.stderr

    def lines(self, *args: str, code: int = 0) -> list[dict[str, Any]]:
        """The JSON Lines, held to their published schema."""
        return documents(self.l9(*args, "--json", code=code)[0])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "shop")


def test_before_the_first_commit(desk: Desk) -> None:
    assert "no commits yet" in desk.l9(code=2)[1]


def test_head_for_people(desk: Desk) -> None:
    desk.commit()
    _, shown = desk.l9()
    assert [line.split()[:2] for line in shown.splitlines() if line.startswith("✔")] == [
        ["✔", "FIX"], ["✔", "SIM"], ["✔", "COV"], ["✔", "ORACLE"],
    ]  # fmt: skip
    assert "\x1b" not in shown
    assert desk.l9()[1].count("(unchanged, cached)") == 4
    assert "cached" not in desk.l9("--again")[1]


def test_head_for_machines(desk: Desk) -> None:
    desk.commit()
    result = desk.lines()[-1]["answer"]
    assert (result["outcome"], result["exit_code"]) == ("TESTS-GREEN", 0)
    assert [stage["stage"] for stage in result["stages"]] == ["fix", "sim", "cov", "oracle"]
    assert result["stages"][3]["found"] == "skipped (no server)"


def test_one_stage(desk: Desk) -> None:
    desk.commit()
    result = desk.lines("--stage", "fix")[-1]["answer"]
    assert (result["outcome"], [stage["stage"] for stage in result["stages"]]) == ("FIX", ["fix"])


def test_a_red_stage_shows_its_last_lines_and_the_command(desk: Desk) -> None:
    (desk.top / "app.py").unlink()
    desk.commit()
    _, shown = desk.l9(code=3)
    assert "✘ FIX" in shown
    assert "  | FileNotFoundError: [Errno 2] No such file or directory: 'app.py'" in shown
    assert "  next      python -c 'open('\"'\"'app.py'\"'\"')'" in shown
    assert desk.lines(code=3)[-1]["answer"]["outcome"] == "REFUSED"


def test_a_tag_goes_through_its_gates(desk: Desk) -> None:
    desk.commit()
    desk.git("tag", "--annotate", TAG, "-m", "Fix: Something that matters")
    found = desk.lines(TAG, "--stage", "sim")
    opened = {line["entry"]["body"]["gate"] for line in found if line.get("type") == "entry"
              and line["entry"]["body"]["event"] == "gate-opened"}  # fmt: skip
    assert {"LOCAL-READY", "FIX", "SIM"} <= opened
    assert "COV" not in opened
    assert (found[-1]["answer"]["outcome"], found[-1]["answer"]["exit_code"]) == ("SIM", 0)
    assert desk.lines()[-1]["answer"]["outcome"] == "CREATE-ANNOTATED-TAG"  # HEAD is that release
