"""`l9 status`, `l9 drift`, and what the timer did."""

from __future__ import annotations

import msgspec

from l9.checks.host.drift import Drift
from l9.core.states import Kind, Slot, SlotStatus, State
from l9.drivers.files.lock import Holder
from l9.protocol.answers.answer import Answer


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The slot that public traffic goes to. `release` is None where nothing runs in it."""

    release: str | None
    slot: Slot
    status: SlotStatus
    image: str | None
    since: float | None
    restarts: int


class Standby(msgspec.Struct, frozen=True, kw_only=True):
    """The other slot. `until`: when a paused one is stopped."""

    release: str | None
    slot: Slot
    status: SlotStatus
    until: float | None


class LastRun(msgspec.Struct, frozen=True, kw_only=True):
    """The newest run. `state` is running, interrupted, or how it ended; `gate` the one entered last."""

    id: str
    kind: Kind
    tag: str
    who: str
    started_at: float
    state: str
    gate: State | None


class Status(Answer, frozen=True, kw_only=True, tag="l9.status/1"):
    """`l9 status`. `recorded` is the live release as the journal has it; `good` may be gone back to."""

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


class Tick(Answer, frozen=True, kw_only=True, tag="l9.tick/1"):
    """What the timer did: the run that it recovered, the release whose standby it stopped. `busy`: a run is on."""

    busy: bool = False
    recovered: str | None = None
    standby_stopped: str | None = None


class DriftReport(Answer, frozen=True, kw_only=True, tag="l9.drift/1"):
    """`l9 drift`: exit code 7 when `drift` is not empty. `live` is the live release on record."""

    drift: tuple[Drift, ...]
    live: str | None
