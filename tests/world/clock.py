"""Virtual time: sleeping advances it and lets fall due what was scheduled."""

from __future__ import annotations

import heapq
from collections.abc import Callable

START = 1_000_000.0


class Stuck(BaseException):
    """Something waits for ever, or loops without waiting; no handler of l9's may hide it."""


class VirtualClock:
    """Implements `Clock`. `watchers` are called before each stretch of time in which nothing changes, with its
    length, and after it."""

    def __init__(self) -> None:
        self._now = START
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self.watchers: list[Callable[[float], None]] = []
        self.limit = float("inf")
        self.ahead = 0.0  # somebody sets the machine's clock between two processes of l9
        self.boots = 1

    def now(self) -> float:
        return self._now + self.ahead

    def shift(self) -> float:
        return 0.0

    def boot(self) -> tuple[str, float]:
        return f"boot-{self.boots}", self._now - START

    def sleep(self, seconds: float) -> None:
        until = self._now + max(0.0, seconds)
        if until + self.ahead > self.limit:
            raise Stuck("a run does not end")
        while self._due and self._due[0][0] <= until:
            at, _, act = heapq.heappop(self._due)
            self._pass(at)
            act()
        self._pass(until)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something happen so many seconds from now."""
        self._count += 1
        heapq.heappush(self._due, (self._now + seconds, self._count, act))

    def _pass(self, to: float) -> None:
        for watch in self.watchers:
            watch(max(0.0, to - self._now))
        self._now = max(self._now, to)
        for watch in self.watchers:
            watch(0.0)
