"""The simulated proxy: a flag names the slot, labels name releases, and it knows what is in flight."""

from __future__ import annotations

from l9.core.facts import Answering, Traffic
from l9.core.ports import Http
from l9.core.states import Slot
from l9.errors import NoAnswer

from .acts import Acts
from .monitor import RATE


class FakeRouter:
    """Implements `Router`. `counts_flight` False is a proxy that cannot say what is in flight."""

    def __init__(self, acts: Acts, http: Http, url: str) -> None:
        self._acts = acts
        self._http = http
        self._url = url
        self._machine = acts.machine
        self.counts_flight = True
        self.reports_traffic = False

    def active(self) -> Slot:
        self._acts.look("router.active")
        return self._machine.flag

    def switch(self, to: Slot) -> None:
        with self._acts.act("router.switch", to):
            self._acts.monitor.switching(to)
            self._machine.route(to)

    def label(self, slot: Slot, release: str) -> None:
        with self._acts.act("router.label", f"{slot} {release}"):
            self._machine.labels[slot] = release

    def answering(self) -> Answering:
        self._acts.look("router.answering")
        self._machine.moved = ""
        try:
            reply = self._http.request("GET", self._url, headers={"X-L9-Probe": "1"}, timeout=1.0)
        except NoAnswer as error:
            return Answering(None, None, None, error.found, error.accepted)
        slot, release = reply.headers.get("x-l9-slot"), reply.headers.get("x-l9-release")
        found = f"status {reply.status} from {slot or 'no slot'} with {release or 'no release'}"
        known = Slot(slot) if slot else None
        return Answering(known, release, reply.status, found, named=slot is not None)

    def problem(self) -> tuple[str, str] | None:
        self._acts.look("router.problem")
        seen = self.answering()
        if seen.status is None:
            return f"the proxy does not answer: {seen.found}", "systemctl status caddy"
        if seen.slot is not self.active():
            return f"it {seen.found}, and the flag names {self.active()}", "l9 provision"
        return None

    def in_flight(self, slot: Slot) -> tuple[int | None, int]:
        self._acts.look("router.in_flight")
        if self._machine.front in ("nothing", "a deaf router"):
            return None, 0  # its admin API is away as well
        if self._machine.front == "another site" or not self.counts_flight:
            return None, 0
        return self._machine.open_requests(slot), self._machine.streams[slot]

    def traffic(self, slot: Slot, since: float) -> Traffic:
        """Return the traffic of users since then, if the router reports it; otherwise none."""
        self._acts.look("router.traffic")
        proc = self._machine.slots[slot]
        if not self.reports_traffic or proc is None or proc.routed_at is None:
            return Traffic(0, 0)
        now, after = self._machine.clock.now(), proc.behaviour.breaks_after_switch
        if self._machine.active is not slot:  # users have left it
            now = max(since, self._machine.left_at.get(slot, now))
        bad = 0.0 if after is None else max(0.0, now - max(since, proc.routed_at + after))
        return Traffic(
            int((now - since) * RATE), int(bad * RATE), ("500 POST /memory/packet",) if bad else ()
        )
