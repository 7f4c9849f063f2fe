"""The host asks its own Caddy under the public name, over TLS too."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from l9.demo.caddy import EmbeddedCaddy
from l9.drivers.caddy.admin_api import AdminApi
from l9.drivers.http.client import HttpClient
from l9.drivers.process.free_port import free_port
from l9.errors import ActionError, NoAnswer


@pytest.fixture
def port(tmp_path: Path) -> object:
    number = free_port()
    site = f"""https://l9.test:{number} {{
    tls internal {{
        on_demand
    }}
    respond "hello {{host}}"
}}
"""
    with EmbeddedCaddy(tmp_path / "caddy", site) as caddy:
        client, base = HttpClient(), f"http://127.0.0.1:{caddy.admin_port}/config/apps/pki/"
        ca = client.request("GET", f"{base}certificate_authorities/local").body
        assert json.loads(ca)["install_trust"] is False, "this machine would trust a CA of a test's"
        yield number


@pytest.mark.embedded
def test_certificate_is_chosen_by_the_public_name(port: int) -> None:
    answer = HttpClient().request("GET", f"https://127.0.0.1:{port}/", headers={"Host": f"l9.test:{port}"})
    assert (answer.status, answer.body) == (200, b"hello l9.test")


def test_nobody_listening_is_told_in_one_line() -> None:
    with pytest.raises(NoAnswer) as told:
        HttpClient().request("GET", f"http://127.0.0.1:{free_port()}/", timeout=1)
    assert "refused" in told.value.found


@pytest.mark.embedded
def test_a_public_certificate_is_verified(port: int) -> None:
    with pytest.raises(NoAnswer) as told:
        HttpClient().request("GET", f"https://127.0.0.2:{port}/", timeout=2)
    assert told.value.found


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n"


@pytest.fixture
def drips() -> Iterator[Callable[[bytes], str]]:
    """A server that answers with this at once, and with 30 bytes more, each after a tenth of a second."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(at_once: bytes) -> None:
        link, _ = listener.accept()
        with link, suppress(OSError):
            link.recv(65536)
            link.sendall(at_once)
            for _ in range(30):
                link.sendall(b"x")
                time.sleep(0.1)

    def start(at_once: bytes) -> str:
        threading.Thread(target=serve, args=(at_once,), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    listener.close()


@pytest.mark.parametrize("at_once", [HEAD, b"HTTP/1.1 200 OK\r\nX: "], ids=["body", "headers"])
def test_answer_in_drops_has_no_more_time_than_another(drips: Callable[[bytes], str], at_once: bytes) -> None:
    with pytest.raises(NoAnswer) as told:
        HttpClient().request("GET", drips(at_once), timeout=0.5)
    assert (told.value.found, told.value.accepted) == ("timed out", True)


def test_answer_in_drops_is_read_to_its_end_in_time(drips: Callable[[bytes], str]) -> None:
    assert HttpClient().request("GET", drips(HEAD), timeout=20).body == b"x" * 30


def test_admin_api_in_drops_has_no_more_time_than_another(
    drips: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("l9.drivers.caddy.admin_api._READ", 0.5)
    with pytest.raises(ActionError, match="does not answer") as told:
        AdminApi(drips(HEAD)).json("/config/")
    assert told.value.found == "timed out"
