"""Test cases for the engine's client with no engine, a deaf one, an old one, and one that refuses."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from l9.drivers.docker.engine import Engine, EngineRefused
from l9.errors import ActionError

Answers = Callable[[bytes], str]


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[Answers]:
    """An engine that gives one answer to every request, byte for byte."""
    listeners: list[socket.socket] = []

    def answer(text: bytes) -> str:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(tmp_path / "docker.sock"))
        listener.listen()
        listeners.append(listener)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(text)

        threading.Thread(target=serve, daemon=True).start()
        return f"unix://{tmp_path}/docker.sock"

    yield answer
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def reply(status: int, body: str) -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def test_an_engine_that_is_too_old(stub: Answers) -> None:
    with pytest.raises(ActionError) as refused:
        Engine(stub(reply(200, '{"Version": "20.10.24", "ApiVersion": "1.41"}'))).version()
    assert refused.value.message == "Docker is too old"
    assert refused.value.found == "Engine 20.10.24"


def test_an_engine_without_start_interval(stub: Answers) -> None:
    engine = Engine(stub(reply(200, '{"Version": "24.0.7", "ApiVersion": "1.43"}')))
    assert engine.version() == "24.0.7"
    assert engine.checks_quickly() is False


def test_the_newest_engine_checks_quickly(stub: Answers) -> None:
    assert Engine(stub(reply(200, '{"Version": "29.1", "ApiVersion": "1.52"}'))).checks_quickly()


def test_no_socket(tmp_path: Path) -> None:
    with pytest.raises(ActionError) as refused:
        Engine(f"unix://{tmp_path}/none").version()
    assert (refused.value.message, refused.value.remedy) == ("Docker not found", "l9 provision")


def test_a_socket_that_nobody_listens_on(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(tmp_path / "dead"))
    with pytest.raises(ActionError, match="Docker is not running"):
        Engine(f"unix://{tmp_path}/dead").version()


def test_permission_denied_on_the_socket(stub: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object) -> None:
        raise PermissionError

    engine = Engine(stub(b""))
    monkeypatch.setattr("l9.drivers.docker.engine._UnixConnection.connect", connect)
    with pytest.raises(ActionError) as refused:
        engine.version()
    assert refused.value.message == "permission denied on the Docker socket"
    assert refused.value.remedy == "sudo usermod -aG docker $USER"


def test_an_engine_that_hangs_up(stub: Answers) -> None:
    with pytest.raises(ActionError, match="Docker closed the connection"):
        Engine(stub(b"")).version()


def test_an_engine_that_never_answers(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        deaf.listen()
        with pytest.raises(ActionError, match="Docker did not respond in time"):
            Engine(f"unix://{tmp_path}/deaf", timeout=0.1).version()


def test_an_engine_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1:2375")
    with pytest.raises(ActionError) as refused:
        Engine().version()
    assert refused.value.found == "DOCKER_HOST=tcp://10.0.0.1:2375"
    monkeypatch.delenv("DOCKER_HOST")
    assert Engine().host == "unix:///var/run/docker.sock"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"message": "no such thing"}', "no such thing"),
        ("<html>", "<html>"),
        ("[]", "[]"),
        ("", "no reason given"),
    ],
)
def test_a_refusal_says_why(stub: Answers, body: str, found: str) -> None:
    with pytest.raises(EngineRefused) as refused:
        Engine(stub(reply(500, body))).container("x")
    assert (refused.value.status, refused.value.found) == (500, found)


def test_what_is_not_there_is_none(stub: Answers) -> None:
    engine = Engine(stub(reply(404, '{"message": "no such container"}')))
    assert engine.container("x") is None
    assert engine.image("x") is None
    assert engine.has("networks", "x") is False
    engine.remove("x")
    assert engine.remove_image("x") is True


def test_an_image_in_use_stays(stub: Answers) -> None:
    assert Engine(stub(reply(409, '{"message": "conflict"}'))).remove_image("x") is False


def test_a_removal_that_fails_is_told(stub: Answers) -> None:
    engine = Engine(stub(reply(409, '{"message": "container is running"}')))
    with pytest.raises(EngineRefused, match="refused to remove x"):
        engine.remove("x")
    with pytest.raises(EngineRefused):
        engine.start("x")
