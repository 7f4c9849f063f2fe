"""The journal's vocabulary. Events are versioned by SCHEMA; readers tolerate fields that they do not know."""

from __future__ import annotations

import msgspec

from l9.core.actions import AnyAction
from l9.core.states import Kind, Slot, SlotStatus, State
from l9.core.verdict import VerdictKind

SCHEMA = "l9.journal/2"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What one invariant saw when its gate opened, or before an action was performed.

    `excused`: why it closed nothing though the verdict is no pass.
    """

    invariant: str
    found: str
    verdict: VerdictKind = VerdictKind.PASS
    excused: str = ""

    @property
    def summary(self) -> str:
        """In one line."""
        return f"{self.excused}: {self.found}" if self.excused else self.found


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Why one invariant closed its gate. `verdict`: fail, unknown, or pending (what it looks at was not made yet).

    `log` holds the last lines, taken before anything was undone.
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

    `source` is the file of the release that it was resolved from, as the operator says.
    """

    source: str
    keys: tuple[str, ...]
    fingerprint: str


class RunStarted(Event, frozen=True, tag="run-started"):
    """A run begins: what is wanted, by whom, and what was there before.

    `tree` is the git tree of `commit`, and `config_blob` the git blob of its `l9.toml`, as the operator has them
    (empty: not said).
    `objects` are the other tag objects that earlier runs had under this name: none, unless the tag was moved.
    `was_good`: a run ended well with this release live, however long ago.
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


class RunResumed(Event, frozen=True, tag="run-resumed"):
    """Another process takes an interrupted run up."""

    who: str
    why: str


class RunAborted(Event, frozen=True, tag="run-aborted"):
    """An interrupted or unwanted run is to go back."""

    who: str
    why: str


class GateEntered(Event, frozen=True, tag="gate-entered"):
    """Work on a gate begins."""

    gate: State


class ActionIntended(Event, frozen=True, tag="action-intended"):
    """Written and synced before the action is performed. `undoes` is the step that it takes back.

    `evidence`: what was seen of all that must hold before such an action.
    """

    gate: State
    step: int
    action: AnyAction
    undoes: int | None = None
    evidence: tuple[Evidence, ...] = ()


class ActionDone(Event, frozen=True, tag="action-done"):
    """The action was performed; `seconds` it took; `note` is what came of it in one line."""

    gate: State
    step: int
    note: str = ""
    seconds: float = 0.0


class ActionFailed(Event, frozen=True, tag="action-failed"):
    """The action could not be performed, or was not, because something that must hold before it does not."""

    gate: State
    step: int
    expected: str
    found: str
    remedy: str = ""
    log: tuple[str, ...] = ()


class GateOpened(Event, frozen=True, tag="gate-opened"):
    """Every invariant of the gate holds. `seconds` since the gate was entered."""

    gate: State
    evidence: tuple[Evidence, ...]
    seconds: float = 0.0


class GateClosed(Event, frozen=True, tag="gate-closed"):
    """At least one invariant does not hold, or could not be looked at."""

    gate: State
    findings: tuple[Finding, ...]
    seconds: float = 0.0


class RunFinished(Event, frozen=True, tag="run-finished"):
    """The run reached a terminal state; `live` and `standby` are what the host is left with.

    `good` are the releases that may be gone back to, the live one first; `retained` those that are kept at all.
    Both stand in every such event, so that the host's state can be read from the journal's tail.
    """

    outcome: State
    live: str | None
    slot: Slot | None
    standby: str | None
    exit_code: int
    seconds: float
    good: tuple[str, ...] = ()
    retained: tuple[str, ...] = ()


class TailRepaired(Event, frozen=True, tag="tail-repaired"):
    """A torn last line, left by a crash in mid-write, was cut off."""

    lost_bytes: int


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
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal. `at` is seconds since the epoch; `prev` the hash of the line before.

    `claim`: the operator's side said so, and this host has not seen it.
    `hash` is the SHA-256 of the line's canonical JSON without the hash itself.
    """

    seq: int
    at: float
    run: str
    body: AnyEvent
    prev: str
    claim: bool = False
    hash: str = ""
    schema: str = SCHEMA
