"""Observations of the host, its slots and its route."""

from __future__ import annotations

import msgspec

from l9.checks.host.health import Streak
from l9.checks.logs.report import LogReport
from l9.core.facts import Tag, Traffic
from l9.core.states import Slot


class Checkout(msgspec.Struct, frozen=True):
    """The host's live checkout: the paths edited by hand."""

    root: str
    edited: tuple[str, ...] = ()


class HostTag(msgspec.Struct, frozen=True):
    """The tag in the host's clone."""

    tag: Tag


class Route(msgspec.Struct, frozen=True):
    """The slot that the router sends traffic to."""

    active: Slot


class Site(msgspec.Struct, frozen=True):
    """The problem with the router's site, or None. `hangs`: the slot that takes requests and does not answer."""

    problem: str | None = None
    remedy: str = ""
    hangs: Slot | None = None


class Health(msgspec.Struct, frozen=True):
    """Probes of the new slot's port since the gate was entered."""

    streak: Streak


class SmokeResult(msgspec.Struct, frozen=True):
    """One smoke request and its result."""

    name: str
    expected: str
    found: str
    ok: bool


class Target(msgspec.Struct, frozen=True):
    """One probe of the port of the slot that traffic is to move to; None if there is no such slot.

    If it was not healthy: the time when that slot was started, and during a rollback a probe of the active slot.
    """

    answer: SmokeResult | None
    started_at: float = 0.0
    other: SmokeResult | None = None


class Standby(msgspec.Struct, frozen=True):
    """One probe of the port of the old slot, the future standby."""

    answer: SmokeResult


class Smoke(msgspec.Struct, frozen=True):
    """The results of all smoke requests to the new slot's port."""

    results: tuple[SmokeResult, ...]


class Logs(msgspec.Struct, frozen=True):
    """The report on the new slot's log, its last lines, and the probable cause in one line.

    `at` is the time up to which it was read completely, in seconds since the epoch; 0 before the first time.
    `noise` is the last error that a release logged as it woke from a pause, and `noise_at` when it was read; the report
    is on what came after it.
    """

    report: LogReport
    tail: tuple[str, ...] = ()
    cause: str | None = None
    at: float = 0.0
    noise: str = ""
    noise_at: float = 0.0


class Proof(msgspec.Struct, frozen=True):
    """The number of consecutive answers through the public route that named this slot and release, up to now.

    `lost`: they are bad, and the release's process has ended, or was started again since its launch.
    """

    consecutive: int
    slot: str | None
    release: str | None
    problem: str | None = None
    lost: bool = False


class Bake(msgspec.Struct, frozen=True):
    """The answers of the new slot through the public route since the switch.

    `failures` are failed health or smoke requests, and answers from elsewhere, oldest first; `rounds` is the number
    of rounds. `elsewhere` describes the last round's answer if it did not come from the new slot; `at` is when that
    round began, in seconds since the epoch.
    """

    rounds: int
    failures: tuple[SmokeResult, ...]
    elsewhere: str = ""
    at: float = 0.0


class Watch(msgspec.Struct, frozen=True):
    """The answers of the release that users went back to, since they did.

    `asked` is the number of l9's own requests, through the public route and to the slot itself; `failures` are those
    that failed, and answers from elsewhere, oldest first. `users`: the answers to real users; None if unknown.
    `problem`: the slot does not run, or its process was replaced; empty if neither.
    """

    asked: int = 0
    failures: tuple[SmokeResult, ...] = ()
    users: Traffic | None = None
    problem: str = ""


class InFlight(msgspec.Struct, frozen=True):
    """What is open on the slot that users are moved away from.

    quiet: consecutive observations in which no request was open, nobody was connected past the router, and the access
    log had no new answer of the slot.
    requests: the router's plain ones, which end by themselves; None if unknown.
    streams: WebSockets and event streams, which do not end by themselves.
    direct: connections that do not come from the router, idle or not.
    """

    requests: int | None
    streams: int = 0
    quiet: int = 0
    direct: int = 0


class Record(msgspec.Struct, frozen=True):
    """The host's record: `.deployed-tag`, and the commit of its checkout."""

    deployed_tag: str | None
    checkout_commit: str | None
