"""One request, one answer: what the agent understands, and what it refuses before it does anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from asked import RUN, in_directory, provisioned_directory, refused, request, tell
from l9.graph import GRAPH
from l9.host.agent import found
from l9.protocol import requests as ask
from l9.protocol.answers.status import Status
from l9.protocol.messages import Answered, Hello


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return provisioned_directory(tmp_path / "app")


def left(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_it_greets_with_its_own_settings_and_answers(root: Path) -> None:
    code, (hello, answered) = tell(request(ask.Status()), in_directory(root))
    assert isinstance(hello, Hello)
    assert hello.settings is not None
    assert (code, hello.graph, hello.settings.path) == (0, GRAPH.digest, str(root))
    assert isinstance(answered, Answered)
    assert isinstance(answered.answer, Status)
    assert answered.answer.live.release is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"version": "0.0.9"}, "a different version"),
        ({"graph": "0" * 64}, "a different graph"),
        ({"schema": "l9.agent/1"}, "a different protocol"),
        ({"schema": "l9.agent/99", "ask": {"command": "of the future"}}, "a different protocol"),
    ],
)
def test_another_l9_is_refused_by_what_differs(root: Path, more: dict[str, Any], said: str) -> None:
    before = left(root)
    error = refused(request(ask.Tick(), **more), in_directory(root))
    assert (error.code, error.message) == ("AGENT_MISMATCH", f"the agent on the host has {said}")
    assert error.remedy[0].command == "l9 provision"
    assert left(root) == before


def test_another_target_is_refused(root: Path) -> None:
    error = refused(request(ask.Tick(), instance="shop"), in_directory(root))
    assert error.evidence[0].observed == "the directory of l9-api"


CLAIM = dict.fromkeys(("commit", "tag_object", "tree", "config_blob"), "a" * 40) | {"tag": "v1.0.0-l9"}
DEPLOY = {"command": "deploy", "run": RUN, "release": CLAIM}


@pytest.mark.parametrize(
    "asked",
    [
        {"command": "rollback", "run": "/some/folder"},
        {"command": "rollback", "run": "../../some/folder"},
        {"command": "rollback", "run": f"{RUN}/../x"},
        {"command": "rollback", "run": f"{RUN}\n"},
        {"command": "rollback", "run": ""},
        {"command": "rollback"},
        {"command": "rollback", "run": RUN, "tag": "../v1"},
        {"command": "rollback", "run": RUN, "tag": "v1..v2"},
        {"command": "rollback", "run": RUN, "tag": "-v"},
        {"command": "rollback", "run": RUN, "wait": -1},
        {"command": "rollback", "run": RUN, "wait": 1e9},
        {"command": "rollback", "run": RUN, "reason": "x" * 1001},
        {**DEPLOY, "config": {"process": {"command": ["sh", "-c", "id"]}}},
        {**DEPLOY, "release": {**CLAIM, "tag": "a/../../b"}},
        {**DEPLOY, "release": {**CLAIM, "commit": "main"}},
        {**DEPLOY, "release": {**CLAIM, "needs": {}}},
        {**DEPLOY, "claims": [{"event": "of the future"}]},
        {"command": "status", "path": "/etc"},
        {"command": "logs", "most": 10**9},
        {"command": "env", "file": "../../etc/shadow", "rules": []},
        {"command": "env-prints", "file": "/etc/shadow", "key": "0" * 32},
        {"command": "env-prints", "file": ".env", "key": "short"},
        {"command": "exec"},
        {},
        [],
        None,
    ],
)
def test_what_is_no_request_is_refused_and_leaves_nothing(root: Path, asked: Any) -> None:
    before = left(root)
    error = refused(request(asked), in_directory(root))
    assert (error.code, error.message) == ("AGENT_MISMATCH", "the agent does not understand the request")
    assert left(root) == before


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"{}\n", b"GET / HTTP/1.1\r\n", b"\xff\xfe\n", b"[" * 100_000, b'{"version": "0.1.0"'],
)
def test_what_is_no_message_is_refused(root: Path, line: bytes) -> None:
    assert refused(line, in_directory(root)).code == "AGENT_MISMATCH"


def test_a_line_that_does_not_end_is_read_no_further(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "LONGEST", 1000)
    long = request(
        ask.Plan(release=msgspec.convert(CLAIM, ask.ReleaseClaim), compose_files={"a": "x" * 2000})
    )
    assert refused(long, in_directory(root)).code == "AGENT_MISMATCH"


def test_who_asks_has_a_name_of_limited_length(root: Path) -> None:
    assert refused(request(ask.Tick(), who="x" * 201), in_directory(root)).code == "AGENT_MISMATCH"


def test_a_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    root = provisioned_directory(tmp_path / "app")
    known = in_directory(root)()
    root.rename(tmp_path / "elsewhere")
    error = refused(request(ask.Status()), lambda: known)
    assert (error.message, error.remedy[0].command) == (f"no directory {root} on the host", "l9 provision")


def test_unusable_settings_are_told_after_the_greeting(tmp_path: Path) -> None:
    code, (hello, _) = tell(request(ask.Status()), in_directory(tmp_path))
    assert isinstance(hello, Hello)
    assert (code, hello.settings) == (2, None)


@pytest.mark.parametrize(
    "arguments", [(), ("--path",), ("--instance", ""), ("--instance", "a/b"), ("x", "y")]
)
def test_an_agent_that_was_given_no_target_says_so(arguments: tuple[str, ...]) -> None:
    error = refused(request(ask.Status()), lambda: found(arguments))
    assert (error.exit_code, error.remedy[0].command) == (2, "l9 provision")
