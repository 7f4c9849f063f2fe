"""The one ssh process: its arguments, and the meaning of its errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gone import ssh_ends_first
from l9.config.model import Target
from l9.errors import Unreachable
from l9.provision import link
from l9.provision.errors import HostUnfit
from l9.provision.host.talk import parse_message

TARGET = Target(host="vps", path="/opt/l9; touch x", ssh_options=("-p", "2222"))


def test_a_failed_ssh_is_named_as_ssh_names_it() -> None:
    error = link.unreachable(TARGET, 255, ["ssh: connect to host vps port 22: Connection refused"])
    assert (error.message, error.exit_code) == ("ssh: vps refused the connection", 3)


@pytest.mark.parametrize(
    ("target", "code", "remedy"),
    [
        (TARGET, 126, "ssh -p 2222 vps 'python3 --version'"),
        (Target(host="local"), 255, "python3 --version"),
    ],
)
def test_a_python_that_answers_nothing(target: Target, code: int, remedy: str) -> None:
    error = link.unreachable(target, code, ["Killed"])
    assert (error.found, error.remedy, error.exit_code) == ("Killed", remedy, HostUnfit.exit_code)


def test_a_host_without_python_is_told_how_to_get_it() -> None:
    error = link.unreachable(TARGET, 127, ["bash: line 1: exec: python3: not found"])
    assert isinstance(error, HostUnfit)
    assert error.remedy == "ssh -p 2222 vps 'sudo apt-get update && sudo apt-get install -y python3'"


def test_nothing_of_the_configuration_is_in_the_remote_command() -> None:
    argv = link.argv(TARGET)
    assert argv[-3:] == ("--", "vps", "exec python3 -I -")
    assert argv.index("-p") < argv.index("ConnectTimeout=15")


def test_a_login_message_is_passed_over() -> None:
    assert parse_message("Welcome to Debian!") is None
    assert parse_message("l9-provision:" + json.dumps({"type": "seen"})) == {"type": "seen"}


@pytest.mark.parametrize("size", [10, 100_000])
def test_an_ssh_that_ends_before_the_program_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int
) -> None:
    ssh_ends_first(monkeypatch, tmp_path / "bin", "connect to host vps port 22: refused")
    with pytest.raises(Unreachable, match="cannot connect to vps"):
        list(link.run(TARGET, "#" * size))


def test_a_host_that_says_nothing_is_given_up() -> None:
    here = Target(host="local")
    slow = 'import time\nprint(\'l9-provision:{"type": "done"}\', flush=True)\ntime.sleep(60)\n'
    said = link.run(here, slow, 0.5)
    assert next(said) == {"type": "done"}
    with pytest.raises(Unreachable, match=r"local has said nothing for 0\.5 s, and was given up") as given_up:
        next(said)
    assert given_up.value.remedy == "ps -ef"


def test_each_message_gives_it_time_again() -> None:
    line = 'print(\'l9-provision:{"type": "done"}\', flush=True)'
    slow = f"import time\nfor n in range(4):\n    time.sleep(0.4)\n    {line}\n"
    assert len(list(link.run(Target(host="local"), slow, 1.2))) == 4
