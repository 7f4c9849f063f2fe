"""The events of the journal.

Rules:
- SCHEMA versions the events. Readers ignore unknown fields.
- A run is the fold of its events (`run.fold`), so that an event holds everything that later decisions need.
- Each entry holds the hash of the entry before it (`Entry.prev`).
- Events hold no secret: of an environment only names and a keyed fingerprint.
"""

from __future__ import annotations

import msgspec

from l9.core.actions import AnyAction, RecordRelease
from l9.core.states import Kind, Slot, SlotStatus, State
from l9.core.verdict import VerdictKind

SCHEMA = "l9.journal/2"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The observation of one invariant when its gate opened, or before an action was performed.

    `excused`: why it closed nothing although the verdict is not pass.
    """

    invariant: str
    found: str
    verdict: VerdictKind = VerdictKind.PASS
    excused: str = ""

    @property
    def summary(self) -> str:
        """The evidence in one line."""
        return f"{self.excused}: {self.found}" if self.excused else self.found


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The reason for which one invariant closed its gate. `verdict`: fail, unknown, or pending (not created yet).

    `log` holds the last lines, read before anything was undone.
    """

    invariant: str
    verdict: VerdictKind
    expected: str
    found: str
    remedy: str = ""
    log: tuple[str, ...] = ()


class Event(msgspec.Struct, frozen=True, tag_field="event", kw_only=True):
    """Base of all events."""


class StagedEnv(msgspec.Struct, frozen=True, kw_only=True):
    """The environment that the operator resolved for a run: names and a keyed fingerprint, never a value.

    `source` is the file of the release that it was resolved from, as reported by the operator.
    """

    source: str
    keys: tuple[str, ...]
    fingerprint: str


class RunStarted(Event, frozen=True, tag="run-started"):
    """The start of a run: its target, who started it, and the state of the host before it.

    `tree` is the git tree of `commit`, and `config_blob` the git blob of its `l9.toml`, in the operator's repository
    (empty: unknown).
    `objects` are the other tag objects that earlier runs had under this name; not empty only if the tag was moved.
    `was_good`: an earlier run succeeded with this release live.
    `prune` is false if the journal does not know all that the host has, so that nothing may be removed by it.
    `active` is the slot that the route names; `recorded`, `recorded_slot` the live release on record, and its slot.
    `woken_restarts`, `woken_oom`: how often the process that is woken was restarted before, and whether memory had run
    out in it; the engine keeps both for as long as it runs.
    """

    kind: Kind
    tag: str
    commit: str
    tag_object: str
    new: Slot
    old: Slot | None
    previous: str | None
    who: str
    wake: SlotStatus | None = None
    evict: str | None = None
    good: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    retained: tuple[str, ...] = ()
    created_by_run: bool = True
    objects: tuple[str, ...] = ()
    was_good: bool = False
    tree: str = ""
    config_blob: str = ""
    env: StagedEnv | None = None
    reason: str = ""
    rebuild: bool = False
    version: str = ""
    prune: bool = True
    active: Slot | None = None
    recorded: str | None = None
    recorded_slot: Slot | None = None
    woken_restarts: int = 0
    woken_oom: bool = False


class RunResumed(Event, frozen=True, tag="run-resumed"):
    """Another process resumes an interrupted run, or goes on with one after its end (FAIL-STATE, a stopped service)."""

    who: str
    why: str


class RunAborted(Event, frozen=True, tag="run-aborted"):
    """An interrupted or unwanted run is to roll back."""

    who: str
    why: str


class GateEntered(Event, frozen=True, tag="gate-entered"):
    """Work on a gate started."""

    gate: State


class ActionIntended(Event, frozen=True, tag="action-intended"):
    """An action is about to be performed; written and synced first. `undoes` is the step that it reverses.

    `evidence`: the results of its guards' invariants.
    """

    gate: State
    step: int
    action: AnyAction
    undoes: int | None = None
    evidence: tuple[Evidence, ...] = ()


class ActionDone(Event, frozen=True, tag="action-done"):
    """The action was performed in `seconds`; `note` is its result in one line."""

    gate: State
    step: int
    note: str = ""
    seconds: float = 0.0


class ActionFailed(Event, frozen=True, tag="action-failed"):
    """The action failed, or was refused because an invariant of its guards does not hold."""

    gate: State
    step: int
    expected: str
    found: str
    remedy: str = ""
    log: tuple[str, ...] = ()


class GateOpened(Event, frozen=True, tag="gate-opened"):
    """Every invariant of the gate holds or is excused. `seconds` since the gate was entered."""

    gate: State
    evidence: tuple[Evidence, ...]
    seconds: float = 0.0


class GateClosed(Event, frozen=True, tag="gate-closed"):
    """At least one invariant does not hold, or could not be observed."""

    gate: State
    findings: tuple[Finding, ...]
    seconds: float = 0.0


class RunFinished(Event, frozen=True, tag="run-finished"):
    """The run reached a terminal state; `live` and `standby` are the releases on the host after it.

    `good` are the releases that a rollback may go to, the live one first; `retained` all releases that are kept.
    Every such event holds both, so that the host's state can be read from the journal's tail.
    `watched`: what the live release answered after users went back to it; None if they did not.
    """

    outcome: State
    live: str | None
    slot: Slot | None
    standby: str | None
    exit_code: int
    seconds: float
    good: tuple[str, ...] = ()
    retained: tuple[str, ...] = ()
    watched: Evidence | None = None


class TailRepaired(Event, frozen=True, tag="tail-repaired"):
    """A partial last line, left by a crash during a write, was removed."""

    lost_bytes: int


class LineSetAside(Event, frozen=True, tag="line-set-aside"):
    """The last line was complete and not the next entry: it was moved to `file`, beside the journal.

    `expected`, `found`: what was wrong with it.
    """

    file: str
    bytes: int
    sha256: str
    expected: str
    found: str


AnyEvent = (
    RunStarted
    | RunResumed
    | RunAborted
    | GateEntered
    | ActionIntended
    | ActionDone
    | ActionFailed
    | GateOpened
    | GateClosed
    | RunFinished
    | TailRepaired
    | LineSetAside
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal. `at` is seconds since the epoch; `prev` the hash of the line before.

    `claim`: reported by the operator, not observed by this host. `boot` and `up`: the machine's boot, and the seconds
    since then, by which two entries are compared whose `at` may come from a clock that was set in between.
    `hash` is the SHA-256 of the line's canonical JSON without the hash itself.
    """

    seq: int
    at: float
    run: str
    body: AnyEvent
    prev: str
    claim: bool = False
    boot: str = ""
    up: float = 0.0
    hash: str = ""
    schema: str = SCHEMA


def writes_record(entry: Entry, run: str) -> bool:
    """True if with this entry the run is about to write the host's record."""
    body = entry.body
    return entry.run == run and isinstance(body, ActionIntended) and isinstance(body.action, RecordRelease)
