"""A run in the log of GitHub Actions."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from l9.cli.render.github import GithubView
from l9.cli.render.view import view
from l9.core import events as ev
from l9.core.states import Slot, State
from l9.core.verdict import VerdictKind
from samples import entries, opened
from world.behaviour import LOGS_A_TRACEBACK
from world.host import World


@pytest.fixture
def summary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setattr("sys.argv", ["l9", "deploy"])
    return tmp_path / "summary.md"


def logged(journal: list[ev.Entry]) -> list[str]:
    out = io.StringIO()
    shown = view("auto", stream=out)
    assert isinstance(shown, GithubView)
    for entry in journal:
        shown.entry(entry)
    shown.close()
    return out.getvalue().splitlines()


def test_a_good_deploy_is_a_group_a_phase_and_no_error(summary: Path) -> None:
    world = World()
    world.deploy("v1.0.1-l9")
    world.deploy("v1.0.2-l9")
    lines = logged(world.journal.last_run())
    assert [line for line in lines if line.startswith("::")] == [
        command for name in ("checks", "prepare", "switch", "bake", "finish")
        for command in (f"::group::{name}", "::endgroup::")
    ]  # fmt: skip
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("### l9: SUCCESS\n\n```text\n✔ SUCCESS   v1.0.2-l9 is live in blue")
    assert text.endswith("\n```\n")


def test_a_refused_deploy_has_one_error_and_its_end_is_in_no_group(summary: Path) -> None:
    world = World()
    world.deploy("v1.0.1-l9")
    world.deploy("v1.0.2-l9", LOGS_A_TRACEBACK)
    lines = logged(world.journal.last_run())
    (error,) = (line for line in lines if line.startswith("::error"))
    assert error.startswith(
        "::error title=v1.0.2-l9 refused at LOGS%2C nothing was changed::ValueError: a packet"
    )
    end = next(n for n, line in enumerate(lines) if line.startswith("✘ REFUSED"))
    assert lines[end - 1] == "::endgroup::"
    assert not any(line.startswith("::group") for line in lines[end:])
    assert "  live      v1.0.1-l9 in green\n" in summary.read_text(encoding="utf-8")


def test_nothing_that_a_host_says_is_a_command(summary: Path) -> None:
    evil = "::add-mask::x\n::set-env name=a::b ##[error]c `````"
    finding = ev.Finding(
        invariant=evil, verdict=VerdictKind.FAIL, expected=evil, found=evil, remedy=evil, log=(evil,)
    )
    lines = logged(
        entries(
            opened(State.FIX, evil),
            ev.GateClosed(gate=State.BAKE, findings=(finding, finding)),
            ev.RunFinished(
                outcome=State.REFUSED, live=evil, slot=Slot.BLUE, standby=None, exit_code=3, seconds=1.0
            ),
        )
    )
    commands = [line.split(" ")[0] for line in lines if line.lstrip().startswith("::")]
    assert commands == ["::group::checks", "::endgroup::", "::group::bake", "::endgroup::", "::error"]
    assert not any("##[" in line for line in lines if not line.startswith("::error"))
    text = summary.read_text(encoding="utf-8")
    assert text.count("``````") == 2  # longer than any that a log can hold


def test_a_run_that_is_not_over_leaves_no_group_open(summary: Path) -> None:
    assert logged(entries(opened(State.FIX)))[-1] == "::endgroup::"
    assert not summary.exists()


def test_a_summary_that_cannot_be_written_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, summary: Path
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary.parent))
    done = ev.RunFinished(
        outcome=State.SUCCESS, live="v1", slot=Slot.BLUE, standby=None, exit_code=0, seconds=1.0
    )
    assert logged(entries(done)) == ["✔ SUCCESS   v1 is live in blue  1.0 s"]
