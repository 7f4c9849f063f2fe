"""Signals the shutdown early: endless responses must stop, all others may finish."""

import asyncio
import signal
import threading
from types import FrameType


def stop_event() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set before the server's own handlers run.

    ASGI announces the shutdown (lifespan) only after the last connection has closed. That is too late for an
    endless stream, which would keep the process until its grace time has elapsed.
    """
    stopping = asyncio.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            _set_first(number, stopping, asyncio.get_running_loop())
    return stopping


def _set_first(number: signal.Signals, stopping: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    servers_handler = signal.getsignal(number)

    def handle(signum: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stopping.set)
        if callable(servers_handler):
            servers_handler(signum, frame)

    # Not restored here: uvicorn restores the previous handlers.
    signal.signal(number, handle)
