"""The gate: what every release has to keep, shown without a database in a few seconds (spec 2.1, 4.2)."""

import asyncio
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api import server_memory
from conftest import KEY, RELEASE, Server

PACKET = {"content": "hello", "metadata": {"from": "test"}}


def ask_in_process(method: str, path: str, **request: Any) -> httpx.Response:
    """With this process's environment. In a thread, as in the main one the app takes over the signals."""
    app = server_memory.app

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with server_memory.lifespan(app), httpx.AsyncClient(transport=transport) as client:
            return await client.request(method, f"http://app{path}", **request)

    with ThreadPoolExecutor() as threads:
        return threads.submit(asyncio.run, ask()).result()


def test_health_without_database_is_a_real_503(client: httpx.Client) -> None:
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unhealthy",
        "error": "database: connection refused (OperationalError)",
    }


@pytest.mark.parametrize(
    ("dsn", "reason"),
    [
        ("", "MEMORY_DSN is not set"),
        # libpq takes the first @ for the end of the password, and the rest of it for the host
        ("postgresql://l9:my@hush@127.0.0.1:1/l9", "name or service not known"),
        ("postgresql://l9:hush@127.0.0.1:hush/l9", "unavailable"),
        ("l9 hush", "unavailable"),
    ],
)
def test_a_bad_dsn_is_reported_but_never_shown(
    dsn: str, reason: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MEMORY_DSN", dsn)
    with caplog.at_level(logging.DEBUG):
        answer = ask_in_process("GET", "/health")
    assert answer.status_code == 503
    assert reason in answer.json()["error"]
    assert reason in caplog.text
    assert "hush" not in answer.text + caplog.text


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_memory_wants_the_key(lonely: Server, method: str) -> None:
    path = "/memory/packet" if method == "POST" else f"/memory/packet/{uuid4()}"
    wrong = ["", "Bearer", "Bearer wrong", f"Bearer {KEY}x", f"Basic {KEY}", KEY, b"Bearer \xc3\xa9"]
    with lonely.client(key=None) as client:
        for headers in [{}, *({"Authorization": value} for value in wrong)]:
            answer = client.request(method, path, json=PACKET if method == "POST" else None, headers=headers)
            assert answer.status_code == 401, headers
            assert answer.headers["www-authenticate"] == "Bearer"


def test_an_unset_key_admits_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("L9_EXECUTOR_API_KEY", raising=False)
    monkeypatch.delenv("MEMORY_DSN", raising=False)
    for header in ("Bearer", "Bearer ", "Bearer x"):
        answer = ask_in_process("POST", "/memory/packet", json=PACKET, headers={"Authorization": header})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        "{",
        '{"content": ""}',
        '{"content": 1}',
        '{"content": "a", "metadata": []}',
        r'{"content": "\ud800"}',
        b'{"content": "\xff"}',
    ],
)
def test_a_bad_packet_is_refused_before_the_database_is_asked(
    lonely: Server, client: httpx.Client, body: str | bytes
) -> None:
    assert client.post("/memory/packet", content=body).status_code == 422
    with lonely.client(key=None) as stranger:
        assert stranger.post("/memory/packet", content=body).status_code == 401


def test_a_good_packet_without_database_is_503(client: httpx.Client) -> None:
    assert client.post("/memory/packet", json=PACKET).status_code == 503
    assert client.get(f"/memory/packet/{uuid4()}").status_code == 503
    assert client.get("/memory/packet/not-a-uuid").status_code == 422


def test_version_is_the_release_that_was_deployed(client: httpx.Client) -> None:
    answer = client.get("/version").json()
    assert (answer["version"], answer["release"]) == ("1.2.3", RELEASE)


def test_an_untold_release_is_that_of_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("L9_RELEASE", raising=False)
    assert re.fullmatch(r"v\d+\.\d+\.\d+-l9", server_memory.release())


def test_production_publishes_no_api_description(client: httpx.Client) -> None:
    assert client.get("/docs").status_code == client.get("/openapi.json").status_code == 404


def test_no_secret_and_no_traceback_in_the_log(lonely: Server, client: httpx.Client) -> None:
    client.get("/health")
    client.post("/memory/packet", json=PACKET)
    log = lonely.log.read_text()
    assert "connection refused" in log
    for unwanted in (KEY, "test-password", "Traceback", "ERROR"):
        assert unwanted not in log
