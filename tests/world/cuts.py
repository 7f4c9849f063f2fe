"""The points at which the deployer can be killed: after a journal entry, and around and within each act on the host."""

from __future__ import annotations

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

    def arm(self, kind: str, at: int) -> None:
        """Crash at the `at`-th point of that kind from now on, counted from 1; 0 only counts."""
        self.passed, self._kind, self._at = [], kind, at

    def point(self, kind: str, what: str) -> None:
        """The deployer is here."""
        if kind == self._kind:
            self.passed.append(what)
            if len(self.passed) == self._at:
                self._kind = ""
                raise Crash(what)
