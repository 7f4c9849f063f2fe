"""The points that the deployer passes: after a journal entry, and around and within each act on the host.

At a point it can be killed, and anything else can happen beside it.
"""

from __future__ import annotations

from collections.abc import Callable

JOURNAL = "journal"
PORT = "port"


class Crash(BaseException):
    """`kill -9`: no handler of l9's runs after it."""


class Cuts:
    """Counts the points that a run passes; raises Crash at the one that is armed."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self._kind = ""
        self._at = 0
        self._within = False
        self._waiting: list[tuple[str, int, Callable[[], None]]] = []

    def arm(self, kind: str, at: int, *, within: bool = False) -> None:
        """Crash at the `at`-th point of that kind from now on, counted from 1; 0 only counts.

        within: with the journal's line half written.
        """
        self.passed, self._kind, self._at, self._within = [], kind, at, within

    def meanwhile(self, kind: str, at: int, what: Callable[[], None]) -> None:
        """Have something happen at the `at`-th point of that kind from now on, counted from 1."""
        self._waiting.append((kind, at, what))

    def calm(self) -> None:
        """Nothing that was armed happens any more."""
        self._kind, self._waiting = "", []

    def tears(self) -> bool:
        """True if the deployer dies while it writes the next line of the journal."""
        return self._within and self._kind == JOURNAL and len(self.passed) + 1 == self._at

    def point(self, kind: str, what: str) -> None:
        """The deployer is here."""
        due = [act for k, at, act in self._waiting if k == kind and at == 1]
        self._waiting = [(k, at - (k == kind), act) for k, at, act in self._waiting if k != kind or at > 1]
        for act in due:
            act()
        if kind == self._kind:
            self.passed.append(what)
            if len(self.passed) == self._at:
                self._kind = ""
                raise Crash(what)
