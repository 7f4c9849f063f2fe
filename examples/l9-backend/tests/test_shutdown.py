"""SIGTERM: what can be completed is completed, what never ends is ended, and the process leaves with 0."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from conftest import Server


def test_sigterm_with_every_kind_of_client(own: Server) -> None:
    with (
        ThreadPoolExecutor() as threads,
        own.client() as client,
        client.stream("GET", "/events") as events,
        connect(own.url.replace("http", "ws") + "/ws", proxy=None) as socket,
    ):
        lines = events.iter_lines()
        assert next(lines) == "data: 1"
        socket.send("hello")
        assert socket.recv() == "hello"
        slow = threads.submit(client.get, "/slow", params={"seconds": 1})
        time.sleep(0.2)  # until the slow request is in flight

        start = time.monotonic()
        own.process.send_signal(signal.SIGTERM)
        for _ in lines:  # to a clean end of the body: a cut one raises
            pass
        assert time.monotonic() - start < 0.5
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=1)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012  # "service restart"
        assert slow.result().status_code == 200

    assert own.process.wait(5) == 0
    assert time.monotonic() - start < 2
    assert "Traceback" not in own.log.read_text()
