"""The long-lived connections of the load: WebSockets whose messages must be echoed, and SSE streams.

A server that shuts down cleanly closes a WebSocket with 1001 or 1012, and its client is expected to reconnect:
that counts as reconnected. An event stream has no close code and its clients reconnect by design, so each end of
one counts as reconnected. Everything else is a failure: a broken or refused connection, a missing echo.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import aiohttp

from l9.demo.load_plan import Plan
from l9.demo.load_record import Recorder
from l9.demo.load_report import Traffic
from l9.demo.load_requests import named, session

PING_SECONDS = 0.2
ECHO_SECONDS = 5.0
CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 10.0
RETRY_SECONDS = 1.0
WS_TIMEOUT = aiohttp.ClientWSTimeout(ws_close=0.5)
GOING_AWAY = frozenset({1001, 1012})


class Streams:
    """Keeps the plan's WebSockets and SSE streams open until cancelled."""

    def __init__(self, plan: Plan, recorder: Recorder) -> None:
        self._plan, self._recorder = plan, recorder
        self._url = plan.url.rstrip("/")
        self._session = session(plan, new_connections=True)

    async def close(self) -> None:
        await self._session.close()

    async def websocket(self, name: str) -> None:
        """Keep one WebSocket open: a text every 0.2 s, each echoed within 5 s. Reconnects when closed.

        A message in flight when the server shuts down is sent again on the new connection, as applications do.
        """
        pings = _Pings(name)
        gone: tuple[int, float] | None = None
        while True:
            try:
                async with self._connected_websocket() as socket:
                    if gone is not None:
                        self._recorder.reconnected("websocket", gone[0], _now() - gone[1])
                    code = await self._talk(socket, pings)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                gone = None
                self._failed("websocket", self._plan.ws_path, error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            gone = (code, _now()) if code in GOING_AWAY else None

    async def events(self) -> None:
        """Keep one SSE stream open. Reconnects when it ends."""
        gone: float | None = None
        while True:
            try:
                async with self._connected_events() as answer:
                    if gone is not None:
                        self._recorder.reconnected("sse", 0, _now() - gone)
                    await self._listen(answer)
                gone = _now()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                gone = None
                self._failed("sse", self._plan.sse_path, error)
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(PING_SECONDS)  # no busy loop if the server ends each stream immediately

    @asynccontextmanager
    async def _connected_websocket(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        async with asyncio.timeout(CONNECT_SECONDS):
            socket = await self._session.ws_connect(self._url + self._plan.ws_path, timeout=WS_TIMEOUT)
        try:
            yield socket
        finally:
            await socket.close()

    @asynccontextmanager
    async def _connected_events(self) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._session.get(
            self._url + self._plan.sse_path,
            headers={"Accept": "text/event-stream"},
            timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS),
            allow_redirects=False,
        ) as answer:
            self._recorder.answered(*named(answer))
            if answer.status != 200:
                raise aiohttp.ClientResponseError(
                    answer.request_info, (), status=answer.status, message="not an event stream"
                )
            yield answer

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse, pings: _Pings) -> int:
        """Receive until the server shuts down, and return its close code. Raises for any other end."""
        pinging = asyncio.create_task(pings.keep(socket))
        try:
            while True:
                try:
                    async with asyncio.timeout_at(pings.deadline()):
                        message = await socket.receive()
                except TimeoutError:
                    if pings.overdue():
                        raise TimeoutError(f"no echo within {ECHO_SECONDS:g} s") from None
                    continue
                if message.type is aiohttp.WSMsgType.TEXT:
                    if pings.echoed(message.data):
                        self._recorder.echo()
                elif message.type is aiohttp.WSMsgType.CLOSE and message.data in GOING_AWAY:
                    return int(message.data)
                elif message.type is aiohttp.WSMsgType.CLOSE:
                    raise aiohttp.ClientError(f"closed by the server with code {message.data}")
                elif message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                    raise aiohttp.ClientError(f"connection lost without a close frame ({message.data})")
        finally:
            pinging.cancel()

    async def _listen(self, answer: aiohttp.ClientResponse) -> None:
        """Receive until the stream ends in any way. Raises TimeoutError if no data arrives in time."""
        try:
            async for chunk in answer.content.iter_any():
                self._recorder.events(chunk.count(b"\n\n"))
        except (aiohttp.SocketTimeoutError, TimeoutError):
            raise TimeoutError(f"no data for {SILENCE_SECONDS:g} s") from None
        except (aiohttp.ClientError, OSError):
            return

    def _failed(self, traffic: Traffic, path: str, error: Exception) -> None:
        self._recorder.failed(
            traffic,
            "stream",
            method="GET",
            path=path,
            waited=0.0,
            status=getattr(error, "status", 0),
            error=f"{type(error).__name__}: {error}",
        )


class _Pings:
    """The messages of one WebSocket: at most one is in flight."""

    def __init__(self, name: str) -> None:
        self._name, self._numbers = name, count()
        self._text, self._since = "", 0.0

    def deadline(self) -> float:
        """Return the loop time of the next check for an overdue echo."""
        return (self._since if self._text else _now()) + ECHO_SECONDS

    def overdue(self) -> bool:
        """True if a message has waited too long for its echo; it is then dropped."""
        if not self._text or _now() < self._since + ECHO_SECONDS:
            return False
        self.forget()
        return True

    def echoed(self, text: str) -> bool:
        if not self._text or self._text not in text:
            return False
        self.forget()
        return True

    def forget(self) -> None:
        self._text = ""

    async def keep(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Send a message whenever none is in flight, starting with one lost by the previous connection."""
        if self._text:
            await self._send(socket)
        while True:
            if not self._text:
                self._text, self._since = f"{self._name} {next(self._numbers)}", _now()
                await self._send(socket)
            await asyncio.sleep(PING_SECONDS)

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            await socket.send_str(self._text)
        except (aiohttp.ClientError, OSError):
            return  # the receiver reports the cause


def _now() -> float:
    return asyncio.get_running_loop().time()
