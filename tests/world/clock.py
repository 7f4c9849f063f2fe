"""Virtual time: sleeping advances it and lets fall due what was scheduled."""

from __future__ import annotations

import heapq
from collections.abc import Callable

START = 1_000_000.0


class Stuck(BaseException):
    """Something waits for ever, or loops without waiting; no handler of l9's may hide it."""


class VirtualClock:
    """The machine's time. `now` is steady; the time of day (`wall`) is what somebody has set, `ahead` of it.

    `watchers` are called before each stretch of time in which nothing changes, with its length, and after it.
    """

    def __init__(self) -> None:
        self._now = START
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._set: list[tuple[float, float]] = [(START, 0.0)]
        self.watchers: list[Callable[[float], None]] = []
        self.limit = float("inf")
        self.boots = 1

    def now(self) -> float:
        return self._now

    @property
    def ahead(self) -> float:
        return self._set[-1][1]

    @ahead.setter
    def ahead(self, seconds: float) -> None:
        """Somebody sets the machine's clock."""
        self._set.append((self._now, seconds))

    def wall(self, at: float) -> float:
        """Return the time of day that the machine's clock showed at that moment."""
        return at + next(ahead for since, ahead in reversed(self._set) if since <= at or since == START)

    def boot(self) -> tuple[str, float]:
        return f"boot-{self.boots}", self._now - START

    def sleep(self, seconds: float) -> None:
        until = self._now + max(0.0, seconds)
        if until > self.limit:
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


class ProcessClock:
    """Implements `Clock` for one process: the time of day as it was at its start, and steady from then on."""

    def __init__(self, machine: VirtualClock) -> None:
        self._machine = machine
        self._ahead = machine.ahead

    def now(self) -> float:
        return self._machine.now() + self._ahead

    def shift(self) -> float:
        return self._machine.ahead - self._ahead

    def sleep(self, seconds: float) -> None:
        self._machine.sleep(seconds)
