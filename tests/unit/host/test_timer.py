"""Test cases for the timer's commands: one JSON line, and an exit code that says what was found."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from fresh_host import wanted
from l9.checks.host.drift import Drift
from l9.config import provisioned
from l9.errors import ActionError, Locked
from l9.host import queries, server, timer
from l9.protocol.answers.status import DriftReport

FOUND = Drift("file", "app.py", "as in v1.0.0-l9", "changed")


@pytest.fixture(params=["--path", "--instance"])
def named(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The arguments that name a target which was provisioned without root, or by root."""
    monkeypatch.setattr(provisioned, "ETC", tmp_path / "etc")
    monkeypatch.setattr(server, "ROOT", os.geteuid())
    by_root, root = request.param == "--instance", tmp_path / "app"
    root.mkdir()
    want = replace(wanted(target=f'runtime = "process"\npath = "{root}"'), by_root=by_root)
    settings = Path(want.settings)
    settings.parent.mkdir(parents=True)
    settings.write_text(want.settings_text, encoding="utf-8")
    for path in (settings, settings.parent, settings.parent.parent):
        path.chmod(0o755)
    return want.named[0], want.named[1]


def test_a_tick_on_a_fresh_host_finds_nothing_to_do(
    named: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert timer.main(["tick", *named]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "schema": "l9.tick/1",
        "busy": False,
        "recovered": None,
        "standby_stopped": None,
    }


@pytest.mark.parametrize(("found", "code"), [((), 0), ((FOUND,), 7)])
def test_drift_has_its_own_exit_code(
    named: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: tuple[Drift, ...],
    code: int,
) -> None:
    monkeypatch.setattr(queries, "drift", lambda _: DriftReport(drift=found, live=None))
    assert timer.main(["drift", *named]) == code
    assert len(json.loads(capsys.readouterr().out)["drift"]) == len(found)


def _raises(error: Exception) -> object:
    def tick(_: object) -> None:
        raise error

    return tick


def test_a_run_that_begins_meanwhile_is_no_error(
    named: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(queries, "tick", _raises(Locked("busy")))
    assert timer.main(["tick", *named]) == 0
    assert json.loads(capsys.readouterr().out)["busy"] is True


@pytest.mark.parametrize("command", ["tick", "drift"])
def test_a_read_only_disk_is_no_traceback(
    named: tuple[str, str], command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "/opt/l9/.l9/journal.jsonl")

    monkeypatch.setattr(queries, command, refuses)
    assert timer.main((command, *named)) == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["remedy"][0]["command"] == "findmnt --target /opt/l9/.l9"
    assert "Read-only file system" in said.err


def test_an_error_is_told_on_both_streams(
    named: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = ActionError("docker is gone", expected="an engine", found="none")
    monkeypatch.setattr(queries, "tick", _raises(gone))
    assert timer.main(["tick", *named]) == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["message"] == "docker is gone"
    assert said.err == "l9 tick: docker is gone; expected an engine, found none\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--instance", "no-such-app"],
        ["--instance", "../../etc"],
        ["--path", "/no/such/directory"],
        ["--path", ""],
        ["--instance"],
        ["--target", "production"],
        [],
    ],
)
def test_a_target_that_was_not_provisioned_says_so(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert timer.main(["tick", *arguments]) == 2
    assert json.loads(capsys.readouterr().out)["remedy"][0]["command"] == "l9 provision"
