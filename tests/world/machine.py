"""The host itself: what runs in the slots, what is on the disk, and where public traffic goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from msgspec.structs import replace

from l9.core.facts import DriftCheck, LogLine
from l9.core.states import Slot

from .behaviour import GOOD, Behaviour
from .clock import VirtualClock

Front = Literal["router", "nothing", "a deaf router", "another site"]


@dataclass
class Proc:
    """One start of a release. `fault` says why it does not serve, where that is not the deployer's doing.

    `began`: the time of day of its start. `log_lost`: lines of its log are gone that nobody has read yet.
    """

    release: str
    behaviour: Behaviour
    status: str = "exited"
    started_at: float = 0.0
    began: float = 0.0
    routed_at: float | None = None
    exit_code: int | None = None
    oom: bool = False
    restarts: int = 0
    fault: str = ""
    log_lost: bool = False


@dataclass
class Machine:
    """State and physics. `slow` is how long user requests take; `streams` never end by themselves. `direct` are
    connections to a slot past the router.

    `flag` is the slot that traffic is meant to go to; a router that is `stuck_at` a slot does not read it, and one that
    is `blind` finds neither flag nor labels. `front`: what stands at the public address.
    `moved`: by whose doing users went to the slot that they are on, until l9 asks who answers. `struck`: what was done
    to a slot, until l9 looks at it. `flipped`: who wrote the flag, if not l9. `gone`: why a slot is empty.
    `nothing_before`: production was down already when the present run began, so that nobody counts on anything.
    """

    clock: VirtualClock
    releases: dict[str, Behaviour] = field(default_factory=dict)
    flag: Slot = Slot.BLUE
    stuck_at: Slot | None = None
    blind: bool = False
    front: Front = "router"
    moved: str = ""
    flipped: str = ""
    struck: dict[Slot, str] = field(default_factory=dict)
    gone: dict[Slot, str] = field(default_factory=dict)
    slots: dict[Slot, Proc | None] = field(default_factory=lambda: {Slot.BLUE: None, Slot.GREEN: None})
    labels: dict[Slot, str] = field(default_factory=dict)
    kept: dict[str, Proc] = field(default_factory=dict)
    built: dict[str, str] = field(default_factory=dict)
    trees: set[str] = field(default_factory=set)
    settings: set[str] = field(default_factory=set)
    head: str | None = None
    metadata: dict[str, Any] | None = None
    deployed_tag: str | None = None
    drift_check: DriftCheck = field(default_factory=DriftCheck)
    slow: float = 0.0
    streams: dict[Slot, int] = field(default_factory=lambda: {Slot.BLUE: 0, Slot.GREEN: 0})
    direct: dict[Slot, int] = field(default_factory=lambda: {Slot.BLUE: 0, Slot.GREEN: 0})
    hung_streams: int = 0
    lost: list[str] = field(default_factory=list)
    nothing_before: bool = False
    left_at: dict[Slot, float] = field(default_factory=dict)

    @property
    def active(self) -> Slot:
        """The slot that public traffic goes to, whatever the flag says."""
        return Slot.BLUE if self.blind else self.stuck_at or self.flag

    @property
    def label(self) -> str | None:
        """The release that the router names to whoever probes."""
        return None if self.blind else self.labels.get(self.active)

    # ── what is so now ───────────────────────────────────────────────────────────────────────────

    def healthy(self, slot: Slot) -> bool:
        """True if the slot's health check answers 200."""
        proc = self.slots[slot]
        if proc is None or proc.status != "running" or proc.behaviour.never_healthy:
            return False
        if proc.behaviour.healthy_alone and self.runs(slot.other):
            return False
        age, until = self.clock.now() - proc.started_at, proc.behaviour.unhealthy_after
        return age >= proc.behaviour.starts_in and (until is None or age < until)

    def way_to_users(self) -> tuple[object, ...]:
        """All that is between users and a release."""
        slots = [(proc.release, proc.status) if proc else None for proc in self.slots.values()]
        return self.front, self.blind, self.stuck_at, self.flag, *slots

    def serves(self, slot: Slot) -> bool:
        """True if users get what they ask for."""
        return self.healthy(slot) and not self.broken(slot)

    def broken(self, slot: Slot) -> bool:
        """True if the slot answers 500 to all but its health check."""
        proc = self.slots[slot]
        assert proc is not None
        if proc.behaviour.smoke_fails:
            return True
        after = proc.behaviour.breaks_after_switch
        return after is not None and proc.routed_at is not None and self.clock.now() - proc.routed_at >= after

    def excuse(self, slot: Slot) -> str:
        """Why it is not the deployer's fault that the slot does not serve; empty when it is."""
        proc = self.slots[slot]
        if self.moved and slot is self.active:
            return self.moved
        if proc is None:
            return self.gone.get(slot, "")
        if self.serves(slot):
            return ""
        if proc.fault:
            return proc.fault
        age = self.clock.now() - proc.started_at
        own = proc.status == "running" and age >= proc.behaviour.starts_in
        return f"{proc.release} is bad" if own else ""

    def runs(self, slot: Slot) -> bool:
        proc = self.slots[slot]
        return proc is not None and proc.status == "running"

    def release(self, slot: Slot) -> str | None:
        proc = self.slots[slot]
        return proc.release if proc else None

    def open_requests(self, slot: Slot) -> int:
        """User requests that were accepted for the slot and have not ended; streams are apart."""
        recent = self.active is slot or self.clock.now() < self.left_at.get(slot, 0.0) + self.slow
        return 1 if self.slow and recent and self.runs(slot) else 0

    def log(self, slot: Slot, since: float) -> list[LogLine]:
        """Return the lines that the process in the slot has logged since then, a time of day."""
        proc, now = self.slots[slot], self.clock.now()
        if proc is None or not proc.started_at:
            return []
        b, begun = proc.behaviour, proc.started_at
        lines = [LogLine("stderr", text, begun + at) for at, text in b.logs if begun + at <= now]
        if b.log_every:
            period, text = b.log_every
            times = (begun + n * period for n in range(int((now - begun) / period) + 1))
            lines += [LogLine("stderr", text, at) for at in times]
        lines.sort(key=lambda line: line.at or 0.0)
        stamped = [replace(line, at=self.clock.wall(line.at or 0.0)) for line in lines]
        return [line for line in stamped if line.at is not None and line.at >= since]

    # ── what happens to it ───────────────────────────────────────────────────────────────────────

    def begin(self, slot: Slot, release: str) -> None:
        """A process of the release starts in the slot."""
        now = self.clock.now()
        proc = Proc(release, self.releases.get(release, GOOD), "running", now, self.clock.wall(now))
        self.slots[slot] = proc
        self.gone.pop(slot, None)
        for changes in (proc.behaviour.starts_in, proc.behaviour.unhealthy_after):
            if changes is not None:
                self.clock.after(changes, _nothing)  # so that whoever watches sees the change when it comes
        if (loses := proc.behaviour.loses_log) is not None:
            self.clock.after(loses, partial(setattr, proc, "log_lost", True))
        if self.active is slot:
            self._meet_users(proc)
        if proc.behaviour.dies_after is not None:
            self.clock.after(proc.behaviour.dies_after, partial(self.die, proc))

    def die(self, proc: Proc, fault: str = "") -> None:
        """The process ends, and not because l9 asked for it."""
        if proc.status not in ("running", "paused", "restarting"):
            return
        proc.status, proc.exit_code, proc.oom = "exited", proc.behaviour.exit_code, proc.behaviour.oom
        proc.fault = fault or f"{proc.release} died"
        if proc.behaviour.restarts and not fault:
            proc.status = "restarting"
            self.clock.after(0.05, partial(self._start_again, proc))

    def _start_again(self, proc: Proc) -> None:
        if proc.status == "restarting" and proc in self.slots.values():
            proc.status, proc.started_at, proc.restarts = "running", self.clock.now(), proc.restarts + 1
            proc.began = self.clock.wall(proc.started_at)

    def kill(self, slot: Slot) -> None:
        """Somebody else kills what runs in the slot."""
        proc = self.slots[slot]
        if proc is not None:
            self.struck[slot] = "killed by somebody else"
            self.die(proc, self.struck[slot])

    def reboot(self) -> None:
        """All processes end; files stay."""
        for slot in Slot:
            self.kill(slot)
        self.clock.boots += 1

    def pause(self, slot: Slot) -> None:
        """Somebody pauses what runs in the slot."""
        proc = self.slots[slot]
        if proc is not None and proc.status == "running":
            self.struck[slot] = "paused by somebody else"
            proc.status, proc.fault = "paused", self.struck[slot]

    def start(self, slot: Slot) -> None:
        """Somebody unpauses, starts or restarts what is in the slot."""
        proc = self.slots[slot]
        if proc is not None and proc.status == "paused":
            proc.status = "running"
        elif proc is not None:
            self.begin(slot, proc.release)
            self.struck[slot] = "restarted by somebody else"
            self.slots[slot].fault = self.struck[slot]  # type: ignore[union-attr]

    def take_away(self, slot: Slot) -> None:
        """Somebody removes what is in the slot."""
        self.kill(slot)
        self.slots[slot], self.gone[slot] = None, "removed by somebody else"

    def route(self, to: Slot) -> None:
        """Public traffic goes there from now on."""
        before, self.flag, self.flipped = self.active, to, ""
        self._moved_from(before)

    def stick(self, at: Slot | None) -> None:
        """The router no longer reads the flag: traffic goes to that slot. None: it reads it again."""
        before, self.stuck_at = self.active, at
        self._moved_from(before, "the router did not read the flag")

    def blindfold(self, on: bool) -> None:
        """The router's user may no longer enter the flag's folder: it takes a flag that it cannot see for none."""
        before, self.blind = self.active, on
        self._moved_from(before, "the router could not enter the flag's folder")

    def flip(self, to: Slot) -> None:
        """Somebody else changes the flag."""
        before, self.flag, self.flipped = self.active, to, "the flag was changed"
        self._moved_from(before, self.flipped)

    def _moved_from(self, before: Slot, whose: str = "") -> None:
        to = self.active
        if before is not to:
            self.left_at[before], self.moved = self.clock.now(), whose
        proc = self.slots[to]
        if proc is not None and proc.routed_at is None:
            self._meet_users(proc)

    def _meet_users(self, proc: Proc) -> None:
        proc.routed_at = self.clock.now()
        if proc.behaviour.breaks_after_switch is not None:
            self.clock.after(proc.behaviour.breaks_after_switch, _nothing)
        if proc.behaviour.dies_after_switch is not None:
            self.clock.after(proc.behaviour.dies_after_switch, partial(self.die, proc))

    def terminate(self, proc: Proc, slot: Slot, grace: float) -> None:
        """SIGTERM, the grace time, SIGKILL. Requests that end within the grace are answered; streams are cut."""
        if proc.status in ("running", "paused"):
            open_now = self.open_requests(slot) and self.healthy(slot)
            pending = self.left_at.get(slot, 0.0) + self.slow - self.clock.now() if open_now else 0.0
            takes = max(proc.behaviour.stops_in, pending, grace if self.streams[slot] else 0.0)
            if proc.behaviour.drops:
                takes = proc.behaviour.stops_in
            unanswered = open_now and (pending > min(takes, grace) or self.active is slot)
            if unanswered and not self.nothing_before and not (self.moved and self.active is slot):
                self.lost.append(
                    f"{self.clock.now():.2f}: cut off when {slot} with {proc.release} was stopped"
                )
            self.clock.sleep(min(takes, grace))
            if proc.status in ("running", "paused"):
                proc.status, proc.exit_code = "exited", 0 if takes <= grace else 137
        elif proc.status == "restarting":
            proc.status = "exited"
        self.left_at.pop(slot, None)
        cut, self.streams[slot] = self.streams[slot], 0
        self.streams[self.active] += cut if self.active is not slot else 0  # their clients connect again

    def freeze(self, proc: Proc, slot: Slot) -> None:
        """SIGSTOP: whoever waits for an answer waits in vain."""
        theirs = self.moved and self.active is slot
        if self.open_requests(slot) and not theirs:
            self.lost.append(
                f"{self.clock.now():.2f}: left hanging when {slot} with {proc.release} was paused"
            )
        self.hung_streams += 0 if theirs else self.streams[slot]
        proc.status = "paused"

    def snapshot(self) -> Mapping[str, Any]:
        """All that a later run, or a user, can tell apart."""
        return {
            "active": self.active,
            "slots": {s: (p.release, p.status) if p else None for s, p in self.slots.items()},
            "label": self.label,
            "kept": sorted(self.kept),
            "built": sorted(self.built),
            "trees": sorted(self.trees),
            "settings": sorted(self.settings),
            "head": self.head,
            "deployed_tag": self.deployed_tag,
            "metadata": self.metadata and {k: self.metadata[k] for k in ("deployed_tag", "commit", "status")},
        }


def _nothing() -> None:
    """Something changes by itself at this moment."""
