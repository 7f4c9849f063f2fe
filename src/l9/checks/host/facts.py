"""What was seen of the host, its slots and its route: frozen observations."""

from __future__ import annotations

import msgspec

from l9.checks.host.health import Streak
from l9.checks.logs.logs import LogReport
from l9.core.facts import Tag
from l9.core.states import Slot


class Checkout(msgspec.Struct, frozen=True):
    """The host's live checkout: paths that somebody edited by hand."""

    root: str
    edited: tuple[str, ...] = ()


class HostTag(msgspec.Struct, frozen=True):
    """The tag as the host's own clone has it."""

    tag: Tag


class Route(msgspec.Struct, frozen=True):
    """Where the router sends traffic."""

    active: Slot


class Site(msgspec.Struct, frozen=True):
    """What is wrong with the router's site, if anything is."""

    problem: str | None = None
    remedy: str = ""


class Health(msgspec.Struct, frozen=True):
    """Probes of the new slot, straight at its port, since the gate was entered."""

    streak: Streak


class SmokeResult(msgspec.Struct, frozen=True):
    """One smoke request and what came of it; `problem` is None when all was as expected."""

    name: str
    expected: str
    found: str
    ok: bool


class Target(msgspec.Struct, frozen=True):
    """One probe straight at the slot that users are to be sent to; None where there is no such slot.

    Where it was not healthy: when that slot was started, and on the way back a probe of the slot that users are on.
    """

    answer: SmokeResult | None
    started_at: float = 0.0
    other: SmokeResult | None = None


class Standby(msgspec.Struct, frozen=True):
    """One probe straight at the old slot, which is to stand by."""

    answer: SmokeResult


class Smoke(msgspec.Struct, frozen=True):
    """All smoke requests against the new slot's port."""

    results: tuple[SmokeResult, ...]


class Logs(msgspec.Struct, frozen=True):
    """The new slot's log, judged; with the last lines and the probable cause in one line.

    `at` is the time up to which it was read wholly, seconds since the epoch; 0 before the first time.
    """

    report: LogReport
    tail: tuple[str, ...] = ()
    cause: str | None = None
    at: float = 0.0


class Proof(msgspec.Struct, frozen=True):
    """Consecutive answers through the public route that named this slot and release, up to the last look."""

    consecutive: int
    slot: str | None
    release: str | None
    problem: str | None = None


class Bake(msgspec.Struct, frozen=True):
    """The new slot through the public route since the switch.

    `failures` are failed health or smoke answers, oldest first; `rounds` how many rounds were made.
    """

    rounds: int
    failures: tuple[SmokeResult, ...]


class InFlight(msgspec.Struct, frozen=True):
    """What the router still has open to the slot that users are taken away from.

    quiet: looks in a row without a request.
    requests: plain ones, which end by themselves; None when the router cannot say.
    streams: WebSockets and event streams, which do not.
    """

    requests: int | None
    streams: int = 0
    quiet: int = 0


class Record(msgspec.Struct, frozen=True):
    """What the host says is deployed: `.deployed-tag`, and the commit that its checkout stands on."""

    deployed_tag: str | None
    checkout_commit: str | None
