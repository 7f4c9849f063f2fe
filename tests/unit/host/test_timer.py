"""What the timer calls: one JSON line, and an exit code that says what it found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fresh_host import wanted
from l9.errors import ActionError, Locked
from l9.host import queries as looks
from l9.host import timer as local
from l9.protocol.messages import AnyMessage, Result


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A target's directory with its configuration in it, as `l9 provision` writes it."""
    text = wanted(target=f'runtime = "process"\npath = "{tmp_path}"').settings_text
    (tmp_path / ".l9").mkdir()
    (tmp_path / ".l9" / "config.json").write_text(text, encoding="utf-8")
    return tmp_path


def answers(monkeypatch: pytest.MonkeyPatch, command: str, data: dict[str, object] | Exception) -> None:
    def look(*_: object) -> Iterator[AnyMessage]:
        if isinstance(data, Exception):
            raise data
        yield Result(data=data)

    monkeypatch.setitem(looks.LOOKS, command, look)


def test_a_tick_on_a_fresh_host_finds_nothing_to_do(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert local.main(["tick", "--path", str(place)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"schema": "l9.tick/1", "recovered": None, "standby_stopped": None}


@pytest.mark.parametrize(("found", "code"), [([], 0), ([{"what": "file"}], 7)])
def test_drift_has_its_own_exit_code(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: list[object],
    code: int,
) -> None:
    answers(monkeypatch, "drift", {"drift": found})
    assert local.main(["drift", "--path", str(place)]) == code
    assert json.loads(capsys.readouterr().out)["drift"] == found


def test_a_run_that_begins_meanwhile_is_no_error(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(monkeypatch, "tick", Locked("busy"))
    assert local.main(["tick", "--path", str(place)]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": "l9.tick/1", "busy": True}


def test_an_error_is_told_on_both_streams(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(monkeypatch, "tick", ActionError("docker is gone", expected="an engine", found="none"))
    assert local.main(["tick", "--path", str(place)]) == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["message"] == "docker is gone"
    assert said.err == "l9 tick: docker is gone; expected an engine, found none\n"


@pytest.mark.parametrize("text", [None, "{", '{"app": "a", "colour": "red"}'])
def test_a_host_that_was_not_provisioned_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    if text is not None:
        (tmp_path / ".l9").mkdir()
        (tmp_path / ".l9" / "config.json").write_text(text, encoding="utf-8")
    assert local.main(["tick", "--path", str(tmp_path)]) == 2
    assert json.loads(capsys.readouterr().out)["remedy"][0]["command"] == "l9 provision"
