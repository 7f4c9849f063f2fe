"""Errors as they are shown: the four lines for people, the envelope for machines, nothing that moves the cursor."""

from __future__ import annotations

import errno
import json
import sys

import pytest

from l9.cli.command_line import for_target, wants_json
from l9.cli.errors import as_refusal, show_bug, show_error, show_interrupted
from l9.cli.plain_text import printable
from l9.cli.server.explain import codes
from l9.errors import ActionError, Interrupted, L9Error, UsageError
from l9.protocol.answers.error import Error, Remedy

REFUSED = UsageError(
    "no such thing", expected="a thing", found="none", remedy="l9 status", log=("one", "two\x1b[2J")
)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["l9", "deploy", "v1.0.0-l9"])


@pytest.mark.usefixtures("typed")
def test_an_error_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_error(REFUSED) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "✘ no such thing",
        "  expected  a thing",
        "  found     none",
        "  | one",
        "  | two",
        "  next      l9 status",
    ]


def test_an_error_for_machines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["l9", "deploy", "v1.0.0-l9", "--json", "--target", "b c"])
    assert show_error(REFUSED) == 2
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert said.err == ""
    assert (document["schema"], document["type"], document["code"]) == ("l9.error/1", "error", "USAGE")
    assert document["evidence"] == [{"expected": "a thing", "observed": "none"}]
    assert document["remedy"] == [{"command": "l9 status --target 'b c'", "when": ""}]
    assert (document["changed"], document["retryable"], document["exit_code"]) == (False, False, 2)


@pytest.mark.usefixtures("typed")
def test_a_remedy_for_elsewhere_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    there = (Remedy(command="chmod 600 /opt/l9/.env", when="on vps"),)
    show_error(Error(code="USAGE", message="x", exit_code=2, remedy=there))
    assert "  next      chmod 600 /opt/l9/.env  # on vps\n" in capsys.readouterr().err


@pytest.mark.usefixtures("typed")
def test_a_bug_shows_its_traceback_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> int:
        try:
            return {}["slot"]
        except KeyError as error:
            return show_bug(error)

    assert broken() == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "✘ a bug in l9" in said
    assert "  found     KeyError('slot')" in said


@pytest.mark.usefixtures("typed")
def test_an_error_about_text_does_not_show_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> int:
        try:
            return len("DB_PASSWORD=hunter2\nK=\ud800\n".encode())
        except UnicodeError as error:
            return show_bug(error)

    assert broken() == 1
    said = capsys.readouterr().err
    assert "  found     UnicodeEncodeError" in said
    assert "hunter2" not in said.replace(
        'len("DB_PASSWORD=hunter2', ""
    )  # this file's own line, in the traceback


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (IsADirectoryError(errno.EISDIR, "Is a directory", "/srv/my app/x"), "df -h '/srv/my app'"),
        (OSError(errno.ENOSPC, "No space left on device"), "df -h ."),
        (OSError(errno.EBADF, "Bad file descriptor"), None),
    ],
)
def test_what_the_machine_refuses_is_no_bug(error: OSError, remedy: str | None) -> None:
    refused = as_refusal(error)
    assert (refused.remedy if refused else None) == remedy


def test_ctrl_c_for_machines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["l9", "status", "--json"])
    assert show_interrupted() == 130
    document = json.loads(capsys.readouterr().out)
    assert (document["code"], document["changed"]) == ("INTERRUPTED", False)
    assert Error.of(Interrupted("while the host works")).changed is True


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        (["status", "--json"], True),
        (["deploy", "--progress", "json", "v1"], True),
        (["deploy", "--progress=json"], True),
        (["deploy", "--progress", "plain"], False),
        (["deploy", "--", "--json"], False),
        (["json"], False),
        ([], False),
    ],
)
def test_whether_json_is_wanted(argv: list[str], wanted: bool) -> None:
    assert wants_json(argv) is wanted


@pytest.mark.parametrize(
    ("command", "argv", "typed"),
    [
        ("l9 status", ["deploy", "v1"], "l9 status"),
        ("l9 status", ["deploy", "v1", "--target", "b"], "l9 status --target b"),
        ("l9 status", ["deploy", "v1", "--target=b"], "l9 status --target b"),
        ("l9 status", ["deploy", "v1", "--target"], "l9 status"),
        ("l9 status", ["deploy", "--", "--target", "b"], "l9 status"),
        ("l9 status --target a", ["status", "--target", "b"], "l9 status --target a"),
        ("l9 deploy --help", ["deploy", "--target", "b"], "l9 deploy --help"),
        ("l9 config schema", ["deploy", "--target", "b"], "l9 config schema"),
        ("git init", ["deploy", "--target", "b"], "git init"),
    ],
)
def test_a_remedy_stays_with_the_target(command: str, argv: list[str], typed: str) -> None:
    assert for_target(command, argv) == typed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Größe, 日本", "plain, Größe, 日本"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("two\nlines", "two\\nlines"),
        ("a\tb", "a    b"),
        ("bell\x07", "bell\\x07"),
        ("\x1b", "\\x1b"),
        ("\udcff", "\\udcff"),
        ("\u202eevil", "\\u202eevil"),
    ],
    ids=ascii,
)
def test_text_that_may_be_shown(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()


def test_every_code_has_one_owner() -> None:
    found = codes()
    assert found["ACTION"] is ActionError
    assert found["BUG"] is L9Error
    assert {"USAGE", "CONFIG", "LOCKED", "UNREACHABLE", "HOST_UNFIT", "DEMO_PART"} <= set(found)
    assert all((kind.__doc__ or "").strip() for kind in found.values())
