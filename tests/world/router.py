"""The simulated proxy: a flag names the slot, labels name releases, and it knows what is in flight."""

from __future__ import annotations

from l9.core.facts import Traffic
from l9.core.states import Slot

from .acts import Acts
from .monitor import RATE


class FakeRouter:
    """Implements `Router`. `counts_flight` False is a proxy that cannot say what is in flight."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._machine = acts.machine
        self.counts_flight = True
        self.reports_traffic = False

    def active(self) -> Slot:
        self._acts.look("router.active")
        return self._machine.active

    def switch(self, to: Slot) -> None:
        with self._acts.act("router.switch", to):
            self._acts.monitor.switching(to)
            self._machine.route(to)

    def label(self, slot: Slot, release: str) -> None:
        with self._acts.act("router.label", f"{slot} {release}"):
            self._machine.labels[slot] = release

    def problem(self) -> tuple[str, str] | None:
        self._acts.look("router.problem")
        return None if self._machine.router_up else ("the proxy does not answer", "systemctl status caddy")

    def in_flight(self, slot: Slot) -> tuple[int | None, int]:
        self._acts.look("router.in_flight")
        if not self.counts_flight:
            return None, 0
        return self._machine.open_requests(slot), self._machine.streams[slot]

    def traffic(self, slot: Slot, since: float) -> Traffic:
        """Return the traffic of users since then, if the router reports it; otherwise none."""
        self._acts.look("router.traffic")
        proc = self._machine.slots[slot]
        if not self.reports_traffic or proc is None or proc.routed_at is None:
            return Traffic(0, 0)
        now, after = self._machine.clock.now(), proc.behaviour.breaks_after_switch
        bad = 0.0 if after is None else max(0.0, now - max(since, proc.routed_at + after))
        return Traffic(
            int((now - since) * RATE), int(bad * RATE), ("500 POST /memory/packet",) if bad else ()
        )
