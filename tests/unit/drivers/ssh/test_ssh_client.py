"""Test cases for the arguments of ssh, and for the names of its failures."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from l9.config.model import Target
from l9.drivers.process.free_port import free_port
from l9.drivers.ssh import client as ssh

TARGET = Target(host="vps", path="/opt/l9; touch x", ssh_options=("-p", "2222"))
CHANGED = """\
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
Host key for vps has changed and you have requested strict checking.
Host key verification failed."""
JUMPED = """\
ada@jump: Permission denied (publickey).
kex_exchange_identification: Connection closed by remote host
Connection closed by UNKNOWN port 65535"""
BY_HAND = "ssh -p 2222 vps true"
COPY_ID = "ssh-copy-id -p 2222 vps"


@pytest.mark.parametrize(
    ("said", "message", "remedy"),
    [
        ("ada@vps: Permission denied (publickey).", "ssh: permission denied for ada@vps", COPY_ID),
        ("Permission denied, please try again.", "ssh: permission denied for vps", COPY_ID),
        (
            "Received disconnect from 192.0.2.1 port 22:2: Too many authentication failures",
            "ssh: permission denied for vps", COPY_ID,
        ),
        (JUMPED, "ssh: permission denied for ada@jump", BY_HAND),
        (
            "No ED25519 host key is known for vps and you have requested strict checking.\n"
            "Host key verification failed.",
            "ssh: the host key of vps is unknown", BY_HAND,
        ),
        (CHANGED, "ssh: the host key of vps has changed", BY_HAND),
        (
            "ssh: Could not resolve hostname vps: Name or service not known",
            "ssh: no such host vps", BY_HAND,
        ),
        (
            "ssh: connect to host vps port 22: Connection refused",
            "ssh: vps refused the connection", BY_HAND,
        ),
        (
            "ssh: connect to host vps port 22: Connection timed out",
            "ssh: connection to vps timed out", BY_HAND,
        ),
        ("Timeout, server vps not responding.", "ssh: connection to vps timed out", BY_HAND),
        ("ssh: connect to host vps port 22: No route to host", "ssh: no route to vps", BY_HAND),
        (
            "/home/ada/.ssh/config: line 1: Bad configuration option: x\n"
            "/home/ada/.ssh/config: terminating, 1 bad configuration options",
            "ssh: invalid configuration", BY_HAND,
        ),
        ("Connection reset by 192.0.2.1 port 22", "ssh: vps closed the connection", BY_HAND),
        ("no matching host key type found", "ssh: cannot connect to vps", BY_HAND),
    ],
)  # fmt: skip
def test_a_failure_is_named_and_has_a_next_command(said: str, message: str, remedy: str) -> None:
    error = ssh.unreachable(TARGET, said.splitlines())
    assert (error.message, error.remedy) == (message, remedy)
    assert (error.found, error.exit_code) == (said.splitlines()[-1], 3)


def test_a_failure_without_a_word() -> None:
    error = ssh.unreachable(TARGET, ())
    assert (error.message, error.found, error.log) == ("ssh: cannot connect to vps", "exit code 255", ())


@pytest.mark.parametrize("options", [("-F", "other"), ("-p2222",), ("-J", "jump", "-p", "22")])
def test_ssh_copy_id_is_named_only_where_it_takes_the_options(options: tuple[str, ...]) -> None:
    error = ssh.unreachable(Target(host="vps", ssh_options=options), ["Permission denied (publickey)."])
    assert error.remedy == f"ssh {' '.join(options)} vps true"


def test_the_users_options_come_before_ours() -> None:
    argv = ssh.argv(TARGET, "exec python3 -I -")
    assert argv == (
        "ssh", "-T", "-o", "BatchMode=yes", "-p", "2222",
        "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15", "--", "vps", "exec python3 -I -",
    )  # fmt: skip


def test_by_hand_on_this_machine_it_is_the_command_itself() -> None:
    assert ssh.by_hand(Target(host="local"), "df -h") == "df -h"
    assert ssh.by_hand(TARGET, "df -h /opt") == "ssh -p 2222 vps 'df -h /opt'"


@pytest.mark.parametrize(
    ("host", "options", "message"),
    [
        ("127.0.0.1", ("-p", "PORT"), "ssh: 127.0.0.1 refused the connection"),
        ("nowhere.invalid", (), "ssh: no such host nowhere.invalid"),
        ("127.0.0.1", ("-o", "NoSuchOption=1"), "ssh: invalid configuration"),
        ("127.0.0.1", ("-p", "SILENT", "-o", "ConnectTimeout=1"), "ssh: connection to 127.0.0.1 timed out"),
    ],
)
def test_the_words_are_openssh_s_own(
    host: str, options: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ports = {"PORT": str(free_port()), "SILENT": str(silent.getsockname()[1])}
        target = Target(host=host, ssh_options=("-F", "/dev/null", *(ports.get(o, o) for o in options)))
        done = subprocess.run(
            ssh.argv(target, "true"), capture_output=True, text=True, check=False, timeout=30, cwd=tmp_path
        )
    assert done.returncode == ssh.FAILED
    assert ssh.unreachable(target, done.stderr.splitlines()).message == message
