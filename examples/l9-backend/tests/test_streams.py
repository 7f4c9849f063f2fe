"""Long answers: WebSocket, server-sent events, slow requests. Without a database."""

import time

import httpx
import pytest
from websockets.sync.client import connect

from conftest import Server


def test_websocket_echoes_and_says_nothing_else(lonely: Server) -> None:
    with connect(lonely.url.replace("http", "ws") + "/ws", proxy=None) as socket:
        for message in ("one", "", "zwölf"):
            socket.send(message)
            assert socket.recv(timeout=2) == message
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.2)


def test_events_count_twice_a_second(client: httpx.Client) -> None:
    with client.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in answer.iter_lines() if line)
        start = time.monotonic()
        assert [next(lines) for _ in range(3)] == ["data: 1", "data: 2", "data: 3"]
    assert 0.8 < time.monotonic() - start < 2


def test_slow_takes_its_time_within_bounds(client: httpx.Client) -> None:
    start = time.monotonic()
    assert client.get("/slow", params={"seconds": 0.3}).json() == {"slept": 0.3}
    assert time.monotonic() - start >= 0.3
    for seconds in (-1, 10.1, "nan", "inf", "x"):
        assert client.get("/slow", params={"seconds": seconds}).status_code == 422
