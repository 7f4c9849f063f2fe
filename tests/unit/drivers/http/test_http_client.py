"""The host asks its own Caddy under the public name, over TLS too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from l9.demo.caddy import EmbeddedCaddy
from l9.drivers.http.client import HttpClient
from l9.drivers.process.free_port import free_port
from l9.errors import NoAnswer


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
