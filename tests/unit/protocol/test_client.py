"""The operator's side of the agent: where nobody answers, and where another l9 does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gone import ssh_ends_first
from l9 import __version__
from l9.config import provisioned
from l9.config.model import Config
from l9.config.settings import server_settings
from l9.configuration import parse
from l9.errors import AgentMismatch, L9Error, Unreachable
from l9.graph import GRAPH
from l9.protocol import client, connection
from l9.protocol import requests as ask
from l9.protocol.answers.run_lines import NoteLine
from l9.protocol.answers.status import Tick
from l9.protocol.messages import Answered, Hello, encode


def test_an_ssh_that_ends_before_it_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ssh_ends_first(monkeypatch, tmp_path / "bin", "connect to host vps port 22: refused")
    config = parse('app = "l9-api"\n[targets.production]\nhost = "vps"\n')
    with pytest.raises(Unreachable) as caught:
        list(client.converse(config, ask.Status(), "ada@laptop"))
    assert caught.value.summary == "ssh: cannot connect to vps: connect to host vps port 22: refused"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return parse(f'app = "l9-api"\n[targets.production]\nhost = "local"\npath = "{tmp_path}"\n')


def greets(monkeypatch: pytest.MonkeyPatch, *lines: bytes) -> None:
    """An agent that says these lines, and reads nothing."""
    text = b"\n".join((*lines, b""))
    program = (sys.executable, "-I", "-c", f"import sys; sys.stdout.buffer.write({text!r})")
    monkeypatch.setattr(connection, "argv", lambda _config: program)


HELLO: dict[str, Any] = {
    "type": "hello", "version": __version__, "graph": GRAPH.digest, "host": "vps", "schema": ask.SCHEMA,
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"version": "0.0.9"}, "a different version"),
        ({"graph": "0" * 64}, "a different graph"),
        ({"schema": "l9.agent/1"}, "a different protocol"),
        ({"schema": "l9.agent/1", "graph": "1", "version": "0.1.0"}, "a different protocol"),
    ],
)
def test_an_agent_of_another_l9_is_refused_before_anything_is_sent_to_it(
    config: Config, monkeypatch: pytest.MonkeyPatch, more: dict[str, str], said: str
) -> None:
    greets(monkeypatch, b"Welcome to vps!", json.dumps({**HELLO, **more}).encode())
    with pytest.raises(AgentMismatch) as refused:
        client.query(config, ask.Tick(), Tick, "ada@laptop")
    assert refused.value.message == f"the agent on the host has {said}"
    assert refused.value.remedy == "l9 provision"


@pytest.mark.parametrize("line", [b"", b"Traceback (most recent call last):", b'{"type": "hello"}'])
def test_a_program_that_greets_otherwise_is_no_agent(
    config: Config, monkeypatch: pytest.MonkeyPatch, line: bytes
) -> None:
    greets(monkeypatch, line)
    with pytest.raises(Unreachable) as refused:
        client.query(config, ask.Tick(), Tick, "ada@laptop")
    assert refused.value.message == "no agent of this l9 answers on local"
    assert refused.value.remedy == "l9 provision"


def test_where_operator_and_host_disagree_it_is_said_before_anything_starts(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f'app = "l9-api"\n[standby]\nseconds = 5\n[targets.production]\nhost = "h"\npath = "{tmp_path}"\n'
    theirs = server_settings(parse(text), "services/l9.toml")
    hello = Hello(version=__version__, graph=GRAPH.digest, host="vps", settings=theirs)
    greets(monkeypatch, encode(hello), encode(Answered(answer=Tick())))
    heard: list[str] = []
    assert client.query(config, ask.Tick(), Tick, "ada@laptop", heard.append) == Tick()
    (said,) = heard
    assert said == (
        "the host's settings differ from l9.toml, and the host's apply:"
        " standby.seconds: 600 here, 5 on the host; l9 provision applies l9.toml"
    )
    hello, note, _ = client.converse(config, ask.Tick(), "ada@laptop")
    assert (type(hello), type(note)) == (Hello, NoteLine)


def test_an_answer_of_another_kind_is_refused(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    hello = Hello(version=__version__, graph=GRAPH.digest, host="vps")
    greets(monkeypatch, encode(hello), b'{"type": "of the future"}')
    with pytest.raises(L9Error) as refused:
        client.query(config, ask.Tick(), Tick, "ada@laptop")
    assert (refused.value.code, refused.value.remedy) == ("AGENT_MISMATCH", "l9 provision")


# ── the agent's command ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("by_root", [True, False])
def test_the_shell_starts_the_agent_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_root: bool
) -> None:
    monkeypatch.setattr(provisioned, "LIB", tmp_path / "lib")
    path = tmp_path / "it's $HOME"
    config = parse(f'app = "l9-api"\n[targets.production]\nhost = "vps"\npath = "{path}"\n')
    files = [provisioned.in_directory(path), *([provisioned.for_instance("l9-api")] if by_root else [])]
    for one in files:
        one.agent.parent.mkdir(parents=True)
        one.agent.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n', encoding="utf-8")
        one.agent.chmod(0o755)
    done = subprocess.run(
        ("/bin/sh", "-c", connection.argv(config)[-1]), capture_output=True, text=True, check=True
    )
    named = ["--instance", "l9-api"] if by_root else ["--path", str(path)]
    assert done.stdout.splitlines() == [str(files[-1].agent), "agent", *named]
