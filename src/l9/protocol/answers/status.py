"""`l9 status`, `l9 drift`, and the timer's result."""

from __future__ import annotations

import msgspec

from l9.checks.host.drift import Drift
from l9.core import events as ev
from l9.core.states import Kind, Slot, SlotStatus, State
from l9.drivers.files.lock import Holder
from l9.protocol.answers.answer import Answer


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The slot that gets public traffic. `release` is None if nothing runs in it."""

    release: str | None
    slot: Slot
    status: SlotStatus
    image: str | None
    since: float | None
    restarts: int


class Standby(msgspec.Struct, frozen=True, kw_only=True):
    """The other slot. `until`: the time at which a paused one is stopped."""

    release: str | None
    slot: Slot
    status: SlotStatus
    until: float | None


class LastRun(msgspec.Struct, frozen=True, kw_only=True):
    """The newest run. `state` is running, interrupted, or its outcome; `gate` is the last one entered."""

    id: str
    kind: Kind
    tag: str
    who: str
    started_at: float
    state: str
    gate: State | None


class Status(Answer, frozen=True, kw_only=True, tag="l9.status/1"):
    """`l9 status`. `recorded`: the live release in the journal; `good`: releases that a rollback may use.

    `public`: what the public route answers, where that is not the live release. `watched`: what the live release
    answered after users went back to it, if that was the newest run.
    """

    app: str
    target: str
    path: str
    live: Live
    standby: Standby
    recorded: str | None
    retained: tuple[str, ...]
    good: tuple[str, ...]
    run: LastRun | None
    lock: Holder | None
    watched: ev.Evidence | None = None
    public: Drift | None = None


class Tick(Answer, frozen=True, kw_only=True, tag="l9.tick/1"):
    """The timer's result: the recovered run, the release whose standby was stopped. `busy`: a run is in progress."""

    busy: bool = False
    recovered: str | None = None
    standby_stopped: str | None = None


class DriftReport(Answer, frozen=True, kw_only=True, tag="l9.drift/1"):
    """`l9 drift`: exit code 7 if `drift` is not empty. `live` is the live release on record."""

    drift: tuple[Drift, ...]
    live: str | None
