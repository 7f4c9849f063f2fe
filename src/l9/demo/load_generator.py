"""The load's own process: sends the requests, keeps the streams, writes the report, and ends on a signal or limit."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from l9.demo.load_plan import Plan
from l9.demo.load_record import Recorder
from l9.demo.load_requests import Requests
from l9.demo.load_streams import Streams

BUCKET_SECONDS = 0.1
# Beyond the time of a slow request; together the load ends within 3 s of SIGTERM.
FINISH_SECONDS = 0.7
BUG = "a bug in the load"


class Generator:
    """One load, from run() to its end: SIGTERM, SIGINT, plan.seconds, or (control) the end of stdin."""

    def __init__(self, plan: Plan, *, control: bool) -> None:
        self._plan, self._control = plan, control
        self._reason = ""
        self._stopped = asyncio.Event()

    def stop(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._stopped.set()

    async def run(self) -> str:
        """Run the load and return the reason for its end. Raises OSError if plan.report cannot be written."""
        plan, loop = self._plan, asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop, number.name)
        loop.call_later(plan.seconds, self.stop, f"{plan.seconds:g} s elapsed")
        with plan.report.open("wb") as out:
            recorder = Recorder(out, url=plan.url, rate=plan.rate)
            requests, streams = Requests(plan, recorder), Streams(plan, recorder)
            writing = [self._task(self._flush(recorder, requests))]
            if self._control:
                writing.append(self._task(self._read_marks(recorder)))
            schedule = [self._task(requests.quick()), self._task(requests.slow())]
            schedule += [self._task(streams.websocket(f"l9-load-{n}")) for n in range(plan.websockets)]
            schedule += [self._task(streams.events()) for _ in range(plan.streams)]
            await self._stopped.wait()
            for task in schedule:
                task.cancel()
            await asyncio.gather(
                requests.finish(plan.slow_seconds + FINISH_SECONDS), *schedule, return_exceptions=True
            )
            await streams.close()
            for task in writing:
                task.cancel()
            recorder.end(self._reason)
        return self._reason

    async def _flush(self, recorder: Recorder, requests: Requests) -> None:
        while True:
            await asyncio.sleep(BUCKET_SECONDS)
            recorder.in_flight = requests.in_flight
            recorder.flush()

    async def _read_marks(self, recorder: Recorder) -> None:
        """Read marks from stdin, one JSON object per line; its end means that the parent process has ended."""
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        while line := await reader.readline():
            mark = json.loads(line)
            recorder.mark(str(mark["label"]), float(mark["ts"]))
        self.stop("the parent process has ended")

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Stop the load if a task ended with an exception, which is a bug."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.stop(f"{BUG}: {error!r}")
