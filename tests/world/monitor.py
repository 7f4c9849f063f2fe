"""Watches the route at every act, look and tick: outages, and who is to blame for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from l9.core.states import Slot

from .machine import Machine

RATE = 20  # user requests per second


class Monitor:
    """`violations` are what l9 must never do. `failed` counts user requests by whose fault it was."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._served = False
        self._why = ""
        self._outages: dict[str, tuple[bool, str]] = {}  # whose, and what was so before it
        self.expects_service = False
        self.violations: list[str] = []
        self.seconds_down: dict[str, float] = {"l9": 0.0, "release": 0.0}

    @property
    def failed(self) -> int:
        """User requests that failed and should not have: those of bad releases and of outsiders left out."""
        return round(self.seconds_down["l9"] * RATE) + (
            len(self._machine.lost) if self.expects_service else 0
        )

    @property
    def failed_by_release(self) -> int:
        """User requests that failed because the live release was bad, or somebody killed it."""
        return round(self.seconds_down["release"] * RATE)

    def tick(self, seconds: float) -> None:
        """So much time is about to pass, in which nothing will change."""
        self.check()
        if self.expects_service and not self._served:
            self.seconds_down["release" if self._why else "l9"] += seconds

    def check(self) -> None:
        """Is the public served at this moment, and if not, why?"""
        machine = self._machine
        if machine.front != "router":
            return  # whoever put something else there has the outage: see `theirs`
        serves = machine.serves(machine.active)
        if serves:
            self._why = ""
        elif self._served or not self._why:
            # An outage begins; one that a release or an outsider began stays theirs until it is over.
            self._why = machine.excuse(machine.active) or (
                "nothing to go back to" if machine.nothing_before else ""
            )
            if self.expects_service and not self._why:
                self.violations.append(
                    f"{self._at()}: {self._shown(machine.active)} is live and does not serve"
                )
        self._served = serves

    @contextmanager
    def theirs(self, whose: str, *, ending: bool = False) -> Iterator[None]:
        """What somebody else does: an outage that begins with it is theirs until users are served again.

        ending: it undoes what they did; whoever is not served then is not served by another's doing.
        """
        self.check()
        served, machine = self._served, self._machine
        before, way = (self._served, self._why), machine.way_to_users()
        yield
        if ending and whose in self._outages and machine.front == "router":
            self._served, self._why = self._over(whose)
            if machine.flipped and not machine.serves(machine.active):
                self._served, self._why = False, machine.flipped
        elif machine.front != "router" or (served and not machine.serves(machine.active)):
            self._outages.setdefault(whose, before)
            self._why, self._served = whose, False
        elif not ending and not machine.serves(machine.active) and machine.way_to_users() != way:
            self._outages.setdefault(
                whose, before
            )  # it stands in the way as well, behind the one that came first
        self.check()

    def _over(self, whose: str) -> tuple[bool, str]:
        """An outage is over: return what was so before it, or the outage that came to it meanwhile."""
        before = self._outages.pop(whose)
        later = [name for name, state in self._outages.items() if state == (False, whose)]
        self._outages |= dict.fromkeys(later, before)
        return (False, later[0]) if later else before

    def switching(self, to: Slot) -> None:
        """The route is about to go to `to`."""
        machine = self._machine
        if to is machine.active or machine.healthy(to) or machine.struck.get(to):
            return
        if machine.nothing_before:
            return  # a release is taken back: users get what they got before it, which was no answer
        better = machine.healthy(machine.active)
        if better or not machine.excuse(to):
            self.violations.append(f"{self._at()}: the route goes to {self._shown(to)}, which is not healthy")

    def started(self) -> None:
        """From now on users expect an answer at any time."""
        if not self.expects_service:
            self._machine.lost = []  # who came before the first success was not invited yet
        self.expects_service, self._machine.nothing_before = True, False
        self.check()

    def _at(self) -> str:
        return f"{self._machine.clock.now():.2f}"

    def _shown(self, slot: Slot) -> str:
        proc = self._machine.slots[slot]
        return f"{slot} with {proc.release} {proc.status}" if proc else f"{slot} with nothing"
