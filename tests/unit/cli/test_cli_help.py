"""The command line as a whole: every command has help, imports little, and speaks JSON where it answers."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from l9.cli.commands import COMMANDS
from l9.cli.main import cli, run

SHOWN = [name for name in COMMANDS if name != "agent"]
HEAVY = "sorted(m for m in sys.modules if m.split('.')[0] in ('rich', 'msgspec', 'aiohttp', 'psycopg'))"


def test_help_imports_neither_rich_nor_msgspec() -> None:
    script = f"import sys; sys.argv = ['l9', '--help']; from l9.__main__ import main; main(); print({HEAVY})"
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["deploy", "status", "history"])
def test_a_command_that_draws_nothing_imports_no_rich(name: str) -> None:
    script = f"import sys, l9.cli.server.{name}; print([m for m in sys.modules if m.split('.')[0] == 'rich'])"
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_help_names_every_command_but_the_hosts_own() -> None:
    text = CliRunner().invoke(cli, ["--help"]).output
    assert all(f"\n  {name} " in text for name in SHOWN)
    assert "\n  agent " not in text
    assert "Exit codes: 0 done, 1 a bug in l9" in text


@pytest.mark.parametrize("name", SHOWN)
def test_every_command_has_help(name: str) -> None:
    for flag in ("--help", "-h"):
        shown = CliRunner().invoke(cli, [name, flag])
        assert shown.exit_code == 0, shown.output
        assert shown.output.startswith(f"Usage: cli {name}")


def leaves(command: click.Command, name: str) -> list[tuple[str, click.Command]]:
    """The command itself, or what it is a group of."""
    if isinstance(command, click.Group):
        return [(f"{name} {n}", c) for n, c in command.commands.items()]
    return [(name, command)]


ALL = [leaf for name in SHOWN for leaf in leaves(cli.get_command(click.Context(cli), name), name)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "command"), ALL, ids=[name for name, _ in ALL])
def test_every_command_has_json(name: str, command: click.Command) -> None:
    options = {option for parameter in command.params for option in parameter.opts}
    assert "--json" in options
    if name in (
        "deploy",
        "rollback",
        "resume",
        "check",
        "plan",
        "status",
        "history",
        "drift",
        "logs",
        "provision",
    ):
        assert "--target" in options


def test_schema_and_graph_answer_with_one_document() -> None:
    for args in (["config", "schema", "--json"], ["graph", "--json"]):
        shown = CliRunner().invoke(cli, args)
        assert shown.exit_code == 0
        assert json.loads(shown.output)


def test_no_command_at_all_is_a_usage_error_with_the_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["l9"])
    assert run() == 2
    said = capsys.readouterr()
    assert (said.out, said.err[:13]) == ("", "Usage: l9 [OP")


def test_version_exits_with_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["l9", "--version"])
    assert run() == 0
    assert capsys.readouterr().out.startswith("l9, version ")


def test_a_reader_that_stops_is_no_bug() -> None:
    script = f"{sys.executable} -m l9 config schema | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(("bash", "-c", script), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_without_our_icons_is_no_reason_to_stop() -> None:
    env = {"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"}
    done = subprocess.run((sys.executable, "-m", "l9", "deploy"), env=env, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("\\u2718 Missing argument 'TAG'")
