"""Frozen observations. Each class is one observable; `Facts` holds at most one of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar, cast

import msgspec

from l9.core.states import Slot, SlotStatus

T = TypeVar("T")


class Unseen(msgspec.Struct, frozen=True):
    """An observable that could not be looked at, and why; `remedy` is a command to type.

    not_yet: nothing is wrong, but what would be looked at is only made later.
    """

    reason: str
    remedy: str = ""
    expected: str = ""
    not_yet: bool = False


class Facts(msgspec.Struct, frozen=True):
    """What was seen at one moment, by kind of observable."""

    seen: Mapping[type, object] = {}

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


class Tag(msgspec.Struct, frozen=True):
    """A tag as one repository has it. `object_id` is the tag object's, `commit` what it peels to (empty: no commit).

    annotated_at_origin: it is a lightweight tag here, of the commit that origin has an annotated one of.
    """

    name: str
    object_id: str | None = None
    kind: str = "absent"
    commit: str = ""
    tree: str = ""
    message: str = ""
    tagger: str = ""
    on_main: bool = False
    signature: str = "none"
    annotated_at_origin: bool = False


class Attested(msgspec.Struct, frozen=True):
    """What one clone holds for a tree: who attested that it passed CGMP, or why nothing there counts.

    unseen: nobody could look; `remedy` is a command to type.
    """

    tree: str
    signer: str | None = None
    problem: str = ""
    remedy: str = ""
    unseen: bool = False


# ── host ─────────────────────────────────────────────────────────────────────────────────────────


class TagFile(msgspec.Struct, frozen=True):
    """One file of a tag's tree: the id of its git blob, and its text."""

    blob: str
    text: str


class Host(msgspec.Struct, frozen=True):
    """The machine and its engine. Sizes are bytes; `ports_taken` is who holds a port, by port."""

    engine: str
    disk_free: int
    memory_available: int
    ports_taken: Mapping[int, str] = {}


class Image(msgspec.Struct, frozen=True):
    """What a release runs from: a content digest, and the commit that it says it was built from."""

    digest: str
    commit: str
    size: int = 0


class Retained(msgspec.Struct, frozen=True):
    """The kept parts of a release, each of which a rollback to it needs.

    env: there, and readable by its owner only.
    """

    tag: str
    known: bool
    image: str | None = None
    image_present: bool = False
    compose: bool = False
    env: bool = False
    settings: bool = False


class SlotState(msgspec.Struct, frozen=True):
    """One slot as the runtime reports it."""

    slot: Slot
    status: SlotStatus = SlotStatus.ABSENT
    release: str | None = None
    image: str | None = None
    started_at: float = 0.0
    restarts: int = 0
    oom_killed: bool = False
    exit_code: int | None = None
    health: str | None = None

    @property
    def serves(self) -> bool:
        return self.status is SlotStatus.RUNNING


class Slots(msgspec.Struct, frozen=True):
    """Both slots, seen at one moment."""

    blue: SlotState
    green: SlotState

    def __getitem__(self, slot: Slot) -> SlotState:
        return self.blue if slot is Slot.BLUE else self.green


class Services(msgspec.Struct, frozen=True):
    """The other services of the project (a database), name to status."""

    status: Mapping[str, str]


class Traffic(msgspec.Struct, frozen=True):
    """Real answers of the new slot from the access log since the switch (probes of l9 left out)."""

    answers: int
    server_errors: int
    examples: tuple[str, ...] = ()


class DriftCheck(msgspec.Struct, frozen=True):
    """The newest comparison of the host with its record by the host's own timer; `at` is None before the first."""

    at: float | None = None
    drift: int = 0


class LogLine(msgspec.Struct, frozen=True):
    """One line as it was written; `at` in seconds since the epoch, where the reader knows it."""

    stream: Literal["stdout", "stderr"]
    text: str
    at: float | None = None


class LogsLost(msgspec.Struct, frozen=True):
    """Lines of a log that nobody can read any more, in the place where they would have been, and why."""

    reason: str
