"""Streams that a caller closed, or reads no more: every command ends as it does with them open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = {
    "graph": ("graph",),
    "json": ("graph", "--json"),
    "help": ("--help",),
    "a command's help": ("check", "--help"),
    "no repository": ("check",),
    "no repository, json": ("check", "--json"),
    "no such command": ("chekc",),
}
CLOSED = ("<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-")


def run(command: tuple[str, ...], directory: Path, closing: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ("sh", "-c", f'exec "$@" {closing}', "sh", sys.executable, "-m", "l9", *command),
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_closed_stream_changes_no_exit_code(command: tuple[str, ...], tmp_path: Path) -> None:
    usual = run(command, tmp_path)
    assert usual.returncode in (0, 2)
    for closing in CLOSED:
        done = run(command, tmp_path, closing)
        assert done.returncode == usual.returncode, closing
        assert done.stdout == ("" if ">&- " in f"{closing} ".replace("2>&-", "") else usual.stdout)
        assert done.stderr == ("" if "2>&-" in closing else usual.stderr)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("left", [("stdout",), ("stderr",), ("stdout", "stderr")], ids="-".join)
def test_a_reader_that_left_changes_no_exit_code(
    command: tuple[str, ...], left: tuple[str, ...], tmp_path: Path
) -> None:
    usual = run(command, tmp_path)
    ours, theirs = os.pipe()
    os.close(ours)
    streams = {name: theirs if name in left else subprocess.PIPE for name in ("stdout", "stderr")}
    done = subprocess.run(
        (sys.executable, "-m", "l9", *command), cwd=tmp_path, text=True, check=False, **streams
    )
    os.close(theirs)
    assert done.returncode == usual.returncode
    assert done.stdout == (None if "stdout" in left else usual.stdout)
    assert done.stderr == (None if "stderr" in left else usual.stderr)


def test_a_file_that_is_opened_later_does_not_become_the_output(tmp_path: Path) -> None:
    """The lowest number that is free is that of the stream that was closed."""
    code = (
        "from l9.drivers.process.standard_streams import open_closed; import subprocess; open_closed();"
        "file = open('journal', 'w'); subprocess.run(('echo', 'noise')); file.write('entry'); file.close()"
    )
    done = subprocess.run(
        ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code), cwd=tmp_path, check=False
    )
    assert done.returncode == 0
    assert (tmp_path / "journal").read_text() == "entry"
