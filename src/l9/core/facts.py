"""Frozen observations. Each class is one observable; `Facts` holds at most one of each.

An observable that could not be observed is `Unseen` with the reason, never an empty observation.

>>> facts = Facts({DriftCheck: DriftCheck(at=0.0, drift=2), Traffic: Unseen("permission denied")})
>>> facts.the(DriftCheck).drift
2
>>> facts.unseen(Traffic).reason
'permission denied'
>>> facts.unseen(DriftCheck) is None
True
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar, cast

import msgspec

from l9.core.states import Slot, SlotStatus

T = TypeVar("T")


class Unseen(msgspec.Struct, frozen=True):
    """The reason for which an observable could not be observed; `remedy` is a command to type.

    not_yet: nothing is wrong: the thing to observe is created by a later step.
    """

    reason: str
    remedy: str = ""
    expected: str = ""
    not_yet: bool = False


class Facts(msgspec.Struct, frozen=True):
    """The observations of one moment, by kind of observable."""

    seen: Mapping[type, object] = {}

    def the(self, kind: type[T]) -> T:
        """Return the observation of that kind; KeyError if it was not requested or could not be made."""
        found = self.seen[kind]
        if isinstance(found, Unseen):
            raise KeyError(kind)
        return cast(T, found)

    def unseen(self, kind: type) -> Unseen | None:
        """Return the reason for which there is no observation of that kind, or None if there is one."""
        found = self.seen.get(kind, Unseen("not observed"))
        return found if isinstance(found, Unseen) else None


# ── workspace and repository ─────────────────────────────────────────────────────────────────────


class Tag(msgspec.Struct, frozen=True):
    """A tag in one repository. `object_id` is the tag object's id, `commit` the peeled commit (empty: no commit).

    annotated_at_origin: the tag is lightweight here, and origin has an annotated one of the same commit.
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
    """The attestation in one clone that a tree passed CGMP: its signer, or the problem with it.

    unseen: it could not be read; `remedy` is a command to type.
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


class Answering(msgspec.Struct, frozen=True):
    """One answer through the public route: the slot and the release that it names, and what it is in one line.

    status: None without an answer. accepted: the router took the request, whether or not an answer came. named: the
    answer has the header that names a slot, if only with another text.
    """

    slot: Slot | None
    release: str | None
    status: int | None
    found: str
    accepted: bool = True
    named: bool = False

    def differs(self, slot: Slot | None, release: str | None) -> bool:
        """True if it is not known to come from that slot, or names another release."""
        return self.slot is not slot or (self.release is not None and self.release != release)


class Host(msgspec.Struct, frozen=True):
    """The machine and its engine. Sizes are bytes; `ports_taken` maps a port to the process that holds it."""

    engine: str
    disk_free: int
    memory_available: int
    ports_taken: Mapping[int, str] = {}


class Image(msgspec.Struct, frozen=True):
    """The image of a release: its content digest, and the commit in its label."""

    digest: str
    commit: str
    size: int = 0


class Retained(msgspec.Struct, frozen=True):
    """The parts of a release that a rollback to it needs.

    env: present, and readable by its owner only.
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
    """Both slots, observed at one moment."""

    blue: SlotState
    green: SlotState

    def __getitem__(self, slot: Slot) -> SlotState:
        return self.blue if slot is Slot.BLUE else self.green


class Services(msgspec.Struct, frozen=True):
    """The project's other services (such as a database), name to status."""

    status: Mapping[str, str]


class Traffic(msgspec.Struct, frozen=True):
    """Answers to real users by the new slot since the switch, from the access log (without l9's probes)."""

    answers: int
    server_errors: int
    examples: tuple[str, ...] = ()


class DriftCheck(msgspec.Struct, frozen=True):
    """The newest drift check by the host's timer; `at` is None before the first."""

    at: float | None = None
    drift: int = 0


LONGEST_LINE = 65_536  # what is read of one log line, in bytes or characters; the rest of it is passed over


class LogLine(msgspec.Struct, frozen=True):
    """One log line as written; `at` in seconds since the epoch, if known."""

    stream: Literal["stdout", "stderr"]
    text: str
    at: float | None = None


class LogsLost(msgspec.Struct, frozen=True):
    """A marker in place of log lines that can no longer be read, with the reason."""

    reason: str
