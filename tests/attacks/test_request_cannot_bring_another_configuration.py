"""The agent believed the configuration in a request: another start command, other needs, another directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from asked import RUN, in_directory, provisioned_directory, refused, request, tell
from l9.configuration import parse
from l9.protocol import requests as ask
from l9.protocol.answers.status import Status
from l9.protocol.messages import Answered, Hello


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return provisioned_directory(
        tmp_path / "app", '[release]\nallowed_signers = "signers"\nrequire_attestation = true\n'
    )


@pytest.fixture
def another(tmp_path: Path) -> dict[str, Any]:
    """A whole configuration: it asks for nothing, and would start a program of the attacker's."""
    text = (
        f'app = "l9-api"\n[process]\ncommand = ["touch", "{tmp_path}/started"]\n[needs]\ndisk = 0\n'
        f'[targets.production]\nhost = "local"\nruntime = "process"\npath = "{tmp_path}/elsewhere"\n'
    )
    return dict(msgspec.to_builtins(parse(text)))


def test_beside_the_request(root: Path, another: dict[str, Any], tmp_path: Path) -> None:
    """Another version's request may have other fields: they are not read, and the host goes by its own settings."""
    sent = request(ask.Status(), config=another, settings=another, path=str(tmp_path / "elsewhere"))
    code, (hello, answered) = tell(sent, in_directory(root))
    assert isinstance(hello, Hello)
    assert hello.settings is not None
    assert hello.settings.release.require_attestation
    assert isinstance(answered, Answered)
    assert isinstance(answered.answer, Status)
    assert (code, answered.answer.path) == (0, str(root))
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("field", ["config", "settings", "process", "needs", "target", "path", "waivers"])
@pytest.mark.parametrize("command", ["deploy", "rollback", "resume", "status", "check", "tick"])
def test_in_what_is_asked(
    root: Path, another: dict[str, Any], tmp_path: Path, command: str, field: str
) -> None:
    value = another.get(field, another)
    run = {"run": RUN} if command in ("deploy", "rollback") else {}
    error = refused(request({"command": command, **run, field: value}), in_directory(root))
    assert error.message == "the agent does not understand the request"
    assert not (tmp_path / "started").exists()
    assert not (root / ".l9" / "runs").exists()


@pytest.mark.parametrize("field", ["config", "process", "needs"])
def test_in_the_release_that_is_claimed(root: Path, another: dict[str, Any], field: str) -> None:
    names = ("commit", "tag_object", "tree", "config_blob")
    claim = {"tag": "v1.0.0-l9", **dict.fromkeys(names, "a" * 40), field: another.get(field, another)}
    for command in ("deploy", "plan", "check"):
        run = {"run": RUN} if command == "deploy" else {}
        error = refused(request({"command": command, "release": claim, **run}), in_directory(root))
        assert error.message == "the agent does not understand the request"


def test_of_another_target_by_its_name(root: Path, tmp_path: Path) -> None:
    provisioned_directory(tmp_path / "other")
    error = refused(request(ask.Tick(), instance="other"), in_directory(root))
    assert error.message == f"{root} on the host belongs to another target"
