"""Each part that an older l9 left on a host is refused by its name, with a command that mends it."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from asked import in_directory, provisioned_directory, refused, request, tell
from l9.config.layout import Layout
from l9.core import events as ev
from l9.host import timer
from l9.protocol import requests as ask
from l9.protocol.answers.status import Status
from l9.protocol.messages import Answered

STARTED = {
    "seq": 1, "at": 1.0, "run": "20260101T000000Z-abcd", "prev": "0" * 64, "hash": "a" * 64, "schema": "l9.journal/1",
    "body": {"event": "run-started", "kind": "deploy", "tag": "v1.0.0-l9", "commit": "a" * 40, "new": "blue"},
}  # fmt: skip
FINISHED = {**STARTED, "seq": 2, "body": {"event": "run-finished", "outcome": "SUCCESS", "live": "v1.0.0-l9"}}


@pytest.mark.parametrize("asked", [ask.Status(), ask.History(), ask.Resume(), ask.Tick()])
@pytest.mark.parametrize(
    "entries", [(STARTED,), (STARTED, FINISHED), ({**STARTED, "body": {"event": "gone"}},)]
)
def test_its_journal(tmp_path: Path, asked: ask.AnyAsk, entries: tuple[dict[str, object], ...]) -> None:
    root = provisioned_directory(tmp_path / "it's an app")
    journal = Layout(root).journal
    text = "".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries)
    journal.write_text(text, encoding="utf-8")
    error = refused(request(asked), in_directory(root))
    assert error.message == "the journal was written by an older l9"
    assert (error.evidence[0].expected, error.evidence[0].observed) == (ev.SCHEMA, "l9.journal/1")
    assert journal.read_text(encoding="utf-8") == text

    subprocess.run(shlex.split(error.remedy[0].command), check=True)
    _, (_, answered) = tell(request(ask.Status()), in_directory(root))
    assert isinstance(answered, Answered)
    assert isinstance(answered.answer, Status)
    assert Path(f"{journal}.old").read_text(encoding="utf-8") == text


def test_its_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`l9 provision` mends it: tests/unit/provision/test_older_target.py."""
    older = tmp_path / ".l9" / "config.json"
    older.parent.mkdir()
    older.write_text('{"app": "l9-api", "bake": {"seconds": 7}}', encoding="utf-8")
    error = refused(request(ask.Status()), in_directory(tmp_path))
    assert error.evidence[0].observed == f"only {older}, which an older l9 wrote"
    assert error.remedy[0].command == "l9 provision"
    assert timer.main(["tick", "--path", str(tmp_path)]) == 2
    assert f"only {older}" in capsys.readouterr().err
