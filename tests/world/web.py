"""The simulated network: the slots' own ports, and the public route through the proxy."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from l9.config.model import Config
from l9.core.states import Slot
from l9.errors import NoAnswer

from .acts import Acts

SMOKE = "/memory/packet"


@dataclass(frozen=True)
class Answer:
    """Implements `Reply`."""

    status: int
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


class FakeHttp:
    """Implements `Http` for the public address of one configuration, and the slots' own (`endpoint`)."""

    def __init__(self, acts: Acts, config: Config, endpoint: Callable[[Slot], str]) -> None:
        self._acts = acts
        self._machine = acts.machine
        self._slots = {urlsplit(endpoint(slot)).netloc: slot for slot in Slot}
        self._public = urlsplit(config.route.url).netloc
        self._health = config.health.path

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 5.0,
    ) -> Answer:
        self._acts.look("http.request")
        parts = urlsplit(url)
        if parts.netloc == self._public:
            return self._through_proxy(parts.path, dict(headers or {}), timeout)
        answer = self._of_slot(self._slots[parts.netloc], parts.path, timeout)
        if answer is None:
            raise NoAnswer(f"{method} {url} got no answer", expected="an answer", found="connection refused")
        return answer

    def _through_proxy(self, path: str, headers: Mapping[str, str], timeout: float) -> Answer:
        machine = self._machine
        if machine.front == "nothing":
            raise NoAnswer(f"GET {path} got no answer", expected="an answer", found="connection refused")
        if machine.front == "a deaf router":
            machine.clock.sleep(timeout)
            raise _hung(path)
        if machine.front == "another site":
            return Answer(404, b"")
        proc = machine.slots[machine.active]
        answer = self._of_slot(machine.active, path, timeout)
        if answer is None and proc is not None and proc.status == "paused":
            raise _hung(path)
        answer = answer or Answer(502, b"")
        added = {"x-l9-slot": str(machine.active)}
        if "X-L9-Probe" in headers and machine.label is not None:
            added["x-l9-release"] = machine.label
        return Answer(answer.status, answer.body, {**answer.headers, **added})

    def _of_slot(self, slot: Slot, path: str, timeout: float) -> Answer | None:
        machine = self._machine
        machine.struck.pop(slot, None)
        proc = machine.slots[slot]
        if proc is not None and proc.status == "paused":
            machine.clock.sleep(timeout)
            return None
        if proc is None or proc.status != "running":
            return None
        if machine.clock.now() - proc.started_at < proc.behaviour.starts_in:
            return None
        if proc.behaviour.status_in_body:
            return Answer(200, json.dumps([{"status": "unhealthy"}, 503]).encode())
        if not machine.healthy(slot):
            return Answer(503, b'{"status": "unhealthy", "error": "scripted"}')
        if path == self._health:
            return Answer(200, b'{"status": "healthy"}')
        return (
            Answer(500, b"Internal Server Error")
            if machine.broken(slot) and not proc.behaviour.breaks_for_users_only
            else Answer(200, b'{"status": "stored"}')
        )


def _hung(path: str) -> NoAnswer:
    """The error of a request that was accepted, and not answered in its time."""
    hung = NoAnswer(f"GET {path} got no answer", expected="an answer", found="timed out")
    hung.accepted = True
    return hung
