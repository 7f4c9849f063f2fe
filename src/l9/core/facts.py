"""Frozen observations. Each class is one observable; `Facts` holds at most one of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeVar, cast

import msgspec

from l9.core.compose_file import Production
from l9.core.dockerfile import Finding, Recipe
from l9.core.env_reads import EnvRead
from l9.core.env_schema import Misfit, Problem
from l9.core.health import Streak
from l9.core.locks import LockReport
from l9.core.logs import LogReport
from l9.core.states import Slot

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


class Workspace(msgspec.Struct, frozen=True):
    """`git status` of the working directory; paths are relative to its top."""

    branch: str | None
    untracked: tuple[str, ...]
    changed: tuple[str, ...]


class Tag(msgspec.Struct, frozen=True):
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


class Origin(msgspec.Struct, frozen=True):
    """The remote that releases go through: what it has for the tag, and whether its main has the commit."""

    url: str | None
    tag_object: str | None = None
    main_has_commit: bool = False


class LastRelease(msgspec.Struct, frozen=True):
    """The highest release in the history of the one judged, itself left out; `tag` is None before the first one."""

    tag: str | None = None
    commit: str = ""


class CommitMessage(msgspec.Struct, frozen=True):
    """What one commit says; a merge has two parents or more."""

    commit: str
    parents: int
    text: str


class Messages(msgspec.Struct, frozen=True):
    """The commits since the last release, newest first; before the first one, only the commit to be released.

    `more`: there are older ones that nobody read.
    """

    since: str | None
    commits: tuple[CommitMessage, ...]
    more: bool = False


class Signature(msgspec.Struct, frozen=True):
    """What is known of a tag's signature: `state` is none, good or bad; `by` who signed, `why` what is wrong."""

    state: str
    by: str = ""
    why: str = ""
    remedy: str = ""


class Leak(msgspec.Struct, frozen=True):
    """Where something looks like a secret: never what it is. `commit` is the one that added the line.

    `gone`: a later commit took the line away. `pushed`: origin's main has the commit, so that it is known.
    """

    path: str
    line: int
    kind: str
    commit: str = ""
    gone: bool = False
    pushed: bool = False


class Secrets(msgspec.Struct, frozen=True):
    """What a scanner found in the lines added since a release (None: in the tree, or the whole history).

    `skipped` are the files that nobody can read: binary, or too large.
    """

    since: str | None
    leaks: tuple[Leak, ...]
    skipped: tuple[str, ...] = ()
    history: bool = False


class Branch(msgspec.Struct, frozen=True):
    """A branch beside main; `where` is local or origin. Times are epoch seconds; None where nothing was compared.

    `at` is when its newest commit was made, `began` its oldest one that main lacks.
    """

    name: str
    where: str
    commit: str
    at: float
    began: float
    ahead: int | None = None
    behind: int | None = None

    @property
    def merged(self) -> bool:
        return self.ahead == 0


class Branches(msgspec.Struct, frozen=True):
    """All branches beside main, here and on origin as of the last fetch; `known`: there is a main to compare with."""

    main: str
    branches: tuple[Branch, ...]
    known: bool = True


class Protection(msgspec.Struct, frozen=True):
    """What guards main where everybody pushes to; `by` is empty for nothing, and `remedy` mends that."""

    main: str
    by: str
    remedy: str


class Locks(msgspec.Struct, frozen=True):
    """The requirements files of the tag's tree, by path."""

    reports: Mapping[str, LockReport]


class Amiss(msgspec.Struct, frozen=True):
    """A declared dependency that a lock does not hold: what `source` wants, and what `lock` has in its place."""

    source: str
    wanted: str
    lock: str
    found: str
    remedy: str


class Declared(msgspec.Struct, frozen=True):
    """What the project files of the tag's tree declare, compared with their locks; `notes`: what is not compared."""

    looked: tuple[str, ...]
    amiss: tuple[Amiss, ...] = ()
    notes: tuple[str, ...] = ()


class Suspect(NamedTuple):
    """A value that looks like a real secret: where it stands and what it looks like, never itself."""

    path: str
    line_no: int
    key: str
    kind: str


class EnvExample(msgspec.Struct, frozen=True):
    """The example file of the tag's tree. lacking: what the tree reads and it does not document.

    unread: files that could not be looked through.
    """

    path: str
    exists: bool
    keys: int = 0
    problems: tuple[Problem, ...] = ()
    lacking: tuple[EnvRead, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    unread: tuple[str, ...] = ()


class Dockerfile(msgspec.Struct, frozen=True):
    """The Dockerfile that the release is built from; `absent` says why nothing is built of the tag's tree.

    `unread`: why the linter has not judged it, and a command to type.
    """

    path: str = ""
    recipe: Recipe | None = None
    findings: tuple[Finding, ...] = ()
    unread: str = ""
    remedy: str = ""
    absent: str = ""


class ComposeFile(msgspec.Struct, frozen=True):
    """The compose file of the tag's tree, as production reads it; `absent` says why there is none."""

    path: str = ""
    production: Production | None = None
    absent: str = ""


class EnvSource(msgspec.Struct, frozen=True):
    """The target's env source in the tag's tree; no `path` where the target has none."""

    path: str = ""
    exists: bool = False
    references: int = 0
    literals: int = 0
    problems: tuple[Problem, ...] = ()
    suspects: tuple[Suspect, ...] = ()


class Automation(msgspec.Struct, frozen=True):
    """What of the tree runs l9 for people: the spec's scripts, and CI workflows that tell when a deploy failed.

    stiff: scripts that begin with `#!`, and that git does not have as executable.
    """

    scripts: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    stiff: tuple[str, ...] = ()


class Attested(msgspec.Struct, frozen=True):
    """What one clone holds for a tree: who attested that it passed CGMP, or why nothing there counts.

    unseen: nobody could look; `remedy` is a command to type.
    """

    tree: str
    signer: str | None = None
    problem: str = ""
    remedy: str = ""
    unseen: bool = False


class Hooks(msgspec.Struct, frozen=True):
    """The hooks of this working copy: those that are in place, and those that are not."""

    installed: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


# ── host ─────────────────────────────────────────────────────────────────────────────────────────


class Host(msgspec.Struct, frozen=True):
    """The machine and its engine. Sizes are bytes; `ports_taken` is who holds a port, by port."""

    engine: str
    disk_free: int
    memory_available: int
    ports_taken: Mapping[int, str] = {}


class Environment(msgspec.Struct, frozen=True):
    """The host's `.env` against the release's `.env.example`: names and shapes only, never values.

    resolved: it is not the file, but what the deploy has resolved and will write there.
    """

    path: str
    exists: bool
    missing: tuple[str, ...] = ()
    mode: int = 0o600
    wrong: tuple[Misfit, ...] = ()
    resolved: bool = False


class Checkout(msgspec.Struct, frozen=True):
    """The host's live checkout: paths that somebody edited by hand."""

    root: str
    edited: tuple[str, ...] = ()


class HostTag(msgspec.Struct, frozen=True):
    """The tag as the host's own clone has it."""

    tag: Tag


class Image(msgspec.Struct, frozen=True):
    """What a release runs from: a content digest, and the commit that it says it was built from."""

    digest: str
    commit: str
    size: int = 0


class Retained(msgspec.Struct, frozen=True):
    """What is kept of a release that may be gone back to; each flag is one part of the way back.

    env: there, and readable by its owner only.
    """

    tag: str
    known: bool
    image: str | None = None
    image_present: bool = False
    compose: bool = False
    env: bool = False


class SlotState(msgspec.Struct, frozen=True):
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


class Slots(msgspec.Struct, frozen=True):
    """Both slots, seen at one moment."""

    blue: SlotState
    green: SlotState

    def __getitem__(self, slot: Slot) -> SlotState:
        return self.blue if slot is Slot.BLUE else self.green


class Services(msgspec.Struct, frozen=True):
    """The other services of the project (a database), name to status."""

    status: Mapping[str, str]


class Route(msgspec.Struct, frozen=True):
    """Where the router sends traffic, and what is wrong with the site if anything is."""

    active: Slot
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


class Smoke(msgspec.Struct, frozen=True):
    """All smoke requests against the new slot's port."""

    results: tuple[SmokeResult, ...]


class Logs(msgspec.Struct, frozen=True):
    """The new slot's log, judged; with the last lines and the probable cause in one line.

    `at` is when it was read, seconds since the epoch.
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


class Traffic(msgspec.Struct, frozen=True):
    """Real answers of the new slot from the access log since the switch (probes of l9 left out)."""

    answers: int
    server_errors: int
    examples: tuple[str, ...] = ()


class InFlight(msgspec.Struct, frozen=True):
    """What the router still has open to the old slot; `quiet` counts looks in a row without a request.

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


class DriftCheck(msgspec.Struct, frozen=True):
    """The newest comparison of the host with its record by the host's own timer; `at` is None before the first."""

    at: float | None = None
    drift: int = 0
