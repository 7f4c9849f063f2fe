"""The common part of all simulated ports: being watched, being cut off by a crash, and failing on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from l9.errors import ActionError

from .cuts import PORT, Cuts
from .machine import Machine
from .monitor import Monitor


class Acts:
    """`failing` maps the name of an act (`router.switch`) to a test that says whether it fails this time.

    `refusing` maps the beginning of names to the error of all such acts and looks, or of the acts only, for a time.
    """

    def __init__(self, machine: Machine, monitor: Monitor, cuts: Cuts) -> None:
        self.machine = machine
        self.monitor = monitor
        self.cuts = cuts
        self.failing: dict[str, Callable[[], bool]] = {}
        self.refusing: dict[str, Exception] = {}
        self.unwritable: dict[str, Exception] = {}
        self.done: list[str] = []

    @contextmanager
    def act(self, name: str, what: object = "") -> Iterator[None]:
        """An act that changes the host; the deployer may die just before and just after it."""
        self.monitor.check()
        self.cuts.point(PORT, f"before {name} {what}".rstrip())
        self._refused(name, self.refusing, self.unwritable)
        if self.fails(name):
            raise ActionError(f"{name} failed", expected="it to work", found="a fault of the test's")
        yield
        self.done.append(f"{name} {what}".rstrip())
        self.monitor.check()
        self.cuts.point(PORT, f"after {name} {what}".rstrip())

    def within(self, name: str) -> None:
        """The deployer may also die here, with the act half done."""
        self.monitor.check()
        self.cuts.point(PORT, f"within {name}")

    def look(self, name: str) -> None:
        """A look, which changes nothing."""
        self.monitor.check()
        self._refused(name, self.refusing)
        if self.fails(name):
            raise ActionError(f"{name} failed", expected="to be able to look", found="a fault of the test's")

    def writes(self, name: str) -> None:
        """Something is written that no run could die in."""
        self._refused(name, self.refusing, self.unwritable)

    def _refused(self, name: str, *why: dict[str, Exception]) -> None:
        for start, error in (pair for refused in why for pair in refused.items()):
            if name.startswith(start):
                raise error

    def fails(self, name: str) -> bool:
        test = self.failing.get(name)
        return test is not None and test()


def always() -> bool:
    """For `failing`: each time."""
    return True


def times(count: int, *, after: int = 0) -> Callable[[], bool]:
    """For `failing`: `count` times, the first `after` calls left out."""
    calls = iter([False] * after + [True] * count)
    return lambda: next(calls, False)
