"""A small upstream with everything that the load asks for, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from aiohttp import WSMsgType, web


class Background:
    """An event loop in a thread, for servers whose tests are synchronous."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


class Upstream:
    """One slot. status: what a path answers instead of 200. port 0: a free one."""

    def __init__(self, background: Background, name: str = "blue", release: str = "v0.5.0-l9") -> None:
        self.name, self.release = name, release
        self.status: dict[str, int] = {}
        self.hits: Counter[str] = Counter()
        self.bearers: set[str] = set()
        self.echoing = True
        self.port = 0
        self._background = background
        self._sockets: set[web.WebSocketResponse] = set()
        self._events: set[asyncio.Task[Any]] = set()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        async def begin() -> None:
            app = web.Application()
            app.router.add_get("/ws", self._websocket)
            app.router.add_get("/events", self._stream)
            app.router.add_route("*", "/{path:.*}", self._answer)
            self._runner = web.AppRunner(app, shutdown_timeout=0.1)
            await self._runner.setup()
            site = web.TCPSite(self._runner, "127.0.0.1", self.port)
            await site.start()
            self.port = self._runner.addresses[0][1]

        self._background.run(begin())

    def stop(self) -> None:
        if self._runner is not None:
            self._background.run(self._runner.cleanup())
            self._runner = None

    def close_websockets(self, code: int) -> None:
        async def close() -> None:
            await asyncio.gather(*(socket.close(code=code) for socket in set(self._sockets)))

        self._background.run(close())

    def drop_websockets(self) -> None:
        """As when the server is killed: no close frame."""

        async def drop() -> None:
            for socket in set(self._sockets):
                socket._req.transport.abort()  # type: ignore[union-attr]

        self._background.run(drop())

    def end_streams(self) -> None:
        async def end() -> None:
            for task in set(self._events):
                task.cancel()

        self._background.run(end())

    def _headers(self) -> dict[str, str]:
        return {"X-L9-Slot": self.name, "X-L9-Release": self.release}

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.hits[request.path] += 1
        self.bearers.add(request.headers.get("Authorization", ""))
        await request.read()
        await asyncio.sleep(float(request.query.get("seconds", 0)))
        status = self.status.get(request.path, 200)
        return web.json_response({"slot": self.name}, status=status, headers=self._headers())

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if status := self.status.get("/ws"):
            return web.Response(status=status)
        socket = web.WebSocketResponse()
        socket.headers.update(self._headers())
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and self.echoing:
                    await socket.send_str(message.data)
        finally:
            self._sockets.discard(socket)
        return socket

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if status := self.status.get("/events"):
            return web.Response(status=status)
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", **self._headers()})
        await stream.prepare(request)

        async def tick() -> None:
            while True:
                await stream.write(f"data: {self.name}\n\n".encode())
                await asyncio.sleep(0.05)

        task = asyncio.ensure_future(tick())
        self._events.add(task)
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            self._events.discard(task)
        return stream


@pytest.fixture
def background() -> Iterator[Background]:
    background = Background()
    yield background
    background.close()


@pytest.fixture
def make_upstream(background: Background) -> Iterator[Callable[..., Upstream]]:
    made: list[Upstream] = []

    def make(name: str = "blue", release: str = "v0.5.0-l9") -> Upstream:
        upstream = Upstream(background, name, release)
        upstream.start()
        made.append(upstream)
        return upstream

    yield make
    for upstream in made:
        upstream.stop()


@pytest.fixture
def upstream(make_upstream: Callable[..., Upstream]) -> Upstream:
    return make_upstream()


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until something holds; fail when it does not within the seconds."""

    def wait(holds: Callable[[], object], seconds: float = 10.0, what: str = "the expected state") -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{what} not reached within {seconds:g} s"
            time.sleep(0.02)

    return wait
