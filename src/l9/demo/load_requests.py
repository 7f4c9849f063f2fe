"""The quick and the slow requests: open loop, one attempt each, latency from the scheduled time.

aiohttp retries an idempotent request when a kept-alive connection breaks. The load must count such breaks, so
a middleware turns them into an error that aiohttp does not retry.
"""

from __future__ import annotations

import asyncio
from itertools import count

import aiohttp
from aiohttp import hdrs

from l9.demo.load_plan import MIX, Plan
from l9.demo.load_record import Recorder
from l9.demo.load_report import Traffic

TIMEOUT_SECONDS = 10.0
MOST_IN_FLIGHT = 5000


class ConnectionLostError(aiohttp.ClientError):
    """The connection broke before the answer; the request is not retried."""


async def one_attempt(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Fail a request whose connection breaks, without a retry (a client middleware)."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # never connected: aiohttp does not retry
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionLostError(f"{type(error).__name__}: {error}") from error


def headers(plan: Plan) -> dict[str, str]:
    """Return the headers of every request of the load."""
    probe = {"X-L9-Probe": "load"} if plan.probe else {}
    return probe | ({hdrs.HOST: plan.host} if plan.host else {})


def session(plan: Plan, *, new_connections: bool) -> aiohttp.ClientSession:
    """Return a session without limits, cookies or retries; new_connections: one connection per request."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=new_connections, ssl=not plan.insecure),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers(plan),
        middlewares=(one_attempt,),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
    )


class Requests:
    """Starts each request at its scheduled time, even if earlier ones have not ended."""

    def __init__(self, plan: Plan, recorder: Recorder) -> None:
        self._plan, self._recorder = plan, recorder
        self._url = plan.url.rstrip("/")
        self._kept = session(plan, new_connections=False)
        self._new = session(plan, new_connections=True)
        self._bearer = {hdrs.AUTHORIZATION: f"Bearer {plan.api_key}"} if plan.api_key else {}
        self._running: set[asyncio.Task[None]] = set()

    @property
    def in_flight(self) -> int:
        return len(self._running)

    async def quick(self) -> None:
        """Send the mix at the plan's rate until cancelled."""
        paths = {"GET": self._plan.get_path, "POST": self._plan.post_path}
        start = asyncio.get_running_loop().time()
        for index in count():
            traffic, method = MIX[index % len(MIX)]
            await self._at(start + index / self._plan.rate, traffic, method, paths[method])

    async def slow(self) -> None:
        """Send the slow requests at their own rate until cancelled."""
        start = asyncio.get_running_loop().time()
        for index in count():
            await self._at(start + index / self._plan.slow_rate, "slow", "GET", self._plan.slow_path)

    async def finish(self, seconds: float) -> None:
        """Wait for the requests in flight; those still open after `seconds` count as failed."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=seconds)
            for task in late:
                task.cancel(f"unfinished {seconds:g} s after the load's end")
            if late:
                await asyncio.wait(late)
        await self._kept.close()
        await self._new.close()

    async def _at(self, due: float, traffic: Traffic, method: str, path: str) -> None:
        if (early := due - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(early)
        if len(self._running) >= MOST_IN_FLIGHT:
            self._recorder.skipped()
            return
        task = asyncio.create_task(self._request(due, traffic, method, path))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _request(self, due: float, traffic: Traffic, method: str, path: str) -> None:
        loop, recorder = asyncio.get_running_loop(), self._recorder
        recorder.sent(loop.time() - due)
        answer: aiohttp.ClientResponse | None = None
        error = ""
        client = self._new if traffic == "new_connection" else self._kept
        post = method == "POST"
        try:
            async with client.request(
                method,
                self._url + path,
                data=self._plan.post_body if post else None,
                headers={hdrs.CONTENT_TYPE: "application/json", **self._bearer} if post else None,
                allow_redirects=False,
            ) as answer:
                await answer.read()
        except TimeoutError:
            error = f"no answer within {TIMEOUT_SECONDS:g} s"
        except (aiohttp.ClientError, OSError) as broken:
            error = f"{type(broken).__name__}: {broken}"
        except asyncio.CancelledError as stopped:
            error = str(stopped)
        status, slot, release = 0, "", ""
        if answer is not None:
            status, slot, release = answer.status, *named(answer)
            recorder.answered(slot, release)
        waited = loop.time() - due
        if not error and 200 <= status < 300:
            recorder.ok(traffic, waited)
            return
        recorder.failed(
            traffic,
            "transport" if error else "status_5xx" if status >= 500 else "status_unexpected",
            method=method,
            path=path,
            waited=waited,
            status=status,
            error=error,
            slot=slot,
            release=release,
        )


def named(answer: aiohttp.ClientResponse) -> tuple[str, str]:
    """Return the slot and the release in an answer's headers; empty if absent."""
    return answer.headers.get("X-L9-Slot", ""), answer.headers.get("X-L9-Release", "").lstrip("/")
