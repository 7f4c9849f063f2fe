"""Frozen observations. Each class is one observable; `Facts` holds at most one of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

from l9.core.health import Streak
from l9.core.locks import LockReport
from l9.core.logs import LogReport
from l9.core.states import Slot

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unseen:
    """An observable that could not be looked at, and why; `remedy` is a command to type.

    not_yet: nothing is wrong, but what would be looked at is only made later.
    """

    reason: str
    remedy: str = ""
    expected: str = ""
    not_yet: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What was seen at one moment, by kind of observable."""

    seen: Mapping[type, object] = field(default_factory=dict)

    def the(self, kind: type[T]) -> T:
        """The observation of that kind; KeyError when it was not looked for or could not be seen."""
        found = self.seen[kind]
        if isinstance(found, Unseen):
            raise KeyError(kind)
        return cast(T, found)

    def unseen(self, kind: type) -> Unseen | None:
        """Why there is no observation of that kind, or None when there is one."""
        found = self.seen.get(kind, Unseen("nobody looked"))
        return found if isinstance(found, Unseen) else None


# ── workspace and repository ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Workspace:
    """`git status` of the working directory; paths are relative to its top."""

    branch: str | None
    untracked: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag as one repository has it. `object_id` is the tag object's, `commit` what it peels to."""

    name: str
    object_id: str | None = None
    kind: str = "absent"
    commit: str = ""
    tree: str = ""
    message: str = ""
    tagger: str = ""
    on_main: bool = False
    signature: str = "none"


@dataclass(frozen=True, slots=True)
class Origin:
    """The remote that releases go through: what it has for the tag, and whether its main has the commit."""

    url: str | None
    tag_object: str | None = None
    main_has_commit: bool = False


@dataclass(frozen=True, slots=True)
class Locks:
    """The requirements files of the tag's tree, by path."""

    reports: Mapping[str, LockReport]


@dataclass(frozen=True, slots=True)
class TestRun:
    """The outcome of the release's own tests on exactly `tree`. `seconds` is how long they ran."""

    tree: str
    exit_code: int
    command: str
    seconds: float
    tail: tuple[str, ...] = ()
    cached: bool = False


# ── host ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Host:
    """The machine and its engine. Sizes are bytes; `too_old` names what is below the minimum."""

    engine: str
    disk_free: int
    memory_available: int
    ports_taken: Mapping[int, str] = field(default_factory=dict)
    changed_services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """The host's `.env` against the release's `.env.example`: names only, never values."""

    path: str
    exists: bool
    missing: tuple[str, ...] = ()
    mode: int = 0o600


@dataclass(frozen=True, slots=True)
class Checkout:
    """The host's live checkout: paths that somebody edited by hand."""

    root: str
    edited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostTag:
    """The tag as the host's own clone has it."""

    tag: Tag


@dataclass(frozen=True, slots=True)
class Image:
    """What a release runs from: a content digest, and the commit that it says it was built from."""

    digest: str
    commit: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Retained:
    """What is kept of a release that may be gone back to; each flag is one part of the way back."""

    tag: str
    known: bool
    image: str | None = None
    image_present: bool = False
    compose: bool = False
    env: bool = False


@dataclass(frozen=True, slots=True)
class SlotState:
    """One slot as the runtime reports it. `status`: absent, created, running, paused, exited, restarting."""

    slot: Slot
    status: str = "absent"
    release: str | None = None
    image: str | None = None
    started_at: float = 0.0
    restarts: int = 0
    oom_killed: bool = False
    exit_code: int | None = None
    health: str | None = None

    @property
    def serves(self) -> bool:
        return self.status == "running"


@dataclass(frozen=True, slots=True)
class Slots:
    """Both slots, seen at one moment."""

    blue: SlotState
    green: SlotState

    def __getitem__(self, slot: Slot) -> SlotState:
        return self.blue if slot is Slot.BLUE else self.green


@dataclass(frozen=True, slots=True)
class Services:
    """The other services of the project (a database), name to status."""

    status: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """Where the router sends traffic, and what is wrong with the site if anything is."""

    active: Slot
    problem: str | None = None
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """Probes of the new slot, straight at its port, since the gate was entered."""

    streak: Streak


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """One smoke request and what came of it; `problem` is None when all was as expected."""

    name: str
    expected: str
    found: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Smoke:
    """All smoke requests against the new slot's port."""

    results: tuple[SmokeResult, ...]


@dataclass(frozen=True, slots=True)
class Logs:
    """The new slot's log, judged; with the last lines and the probable cause in one line.

    `at` is when it was read, seconds since the epoch.
    """

    report: LogReport
    tail: tuple[str, ...] = ()
    cause: str | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Proof:
    """Consecutive answers through the public route that named this slot and release, up to the last look."""

    consecutive: int
    slot: str | None
    release: str | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Bake:
    """The new slot through the public route since the switch.

    `failures` are failed health or smoke answers, oldest first; `rounds` how many rounds were made.
    """

    rounds: int
    failures: tuple[SmokeResult, ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Real answers of the new slot from the access log since the switch (probes of l9 left out)."""

    answers: int
    server_errors: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InFlight:
    """What the router still has open to the old slot; `quiet` counts looks in a row without a request.

    requests: plain ones, which end by themselves; None when the router cannot say.
    streams: WebSockets and event streams, which do not.
    """

    requests: int | None
    streams: int = 0
    quiet: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """What the host says is deployed: `.deployed-tag`, and the commit that its checkout stands on."""

    deployed_tag: str | None
    checkout_commit: str | None
