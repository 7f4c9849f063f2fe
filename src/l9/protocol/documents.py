"""What `--json` prints, by schema: the shapes that machines may rely on. `l9 schema` prints them as JSON Schemas.

Where a command runs long, each of its lines is one of `json_lines.py`. A `/1` only ever gets more fields. Times are
seconds since the epoch, durations seconds, sizes bytes.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from l9 import criteria
from l9.catalogue import Judged
from l9.checks.dependencies import locker_commands as locking
from l9.checks.environment.schema import KeyVerdict
from l9.checks.git.next_release import Bump
from l9.checks.git.protection import Policy
from l9.checks.host import drift
from l9.config.model import Config
from l9.core import events as ev
from l9.drivers.files.lock import Holder
from l9.drivers.git_hooks.files import HookState
from l9.protocol.hook_remarks import HookFinding
from l9.protocol.json_lines import Lines
from l9.protocol.release_list import ReleaseLine, TargetAsked


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all documents."""

    schema: str


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The slot that public traffic goes to. `release` is None where nothing runs in it."""

    release: str | None
    slot: str
    status: str
    image: str | None
    since: float | None
    restarts: int


class Standby(msgspec.Struct, frozen=True, kw_only=True):
    """The other slot. `until`: when a paused one is stopped."""

    release: str | None
    slot: str
    status: str
    until: float | None


class LastRun(msgspec.Struct, frozen=True, kw_only=True):
    """The newest run. `state` is running, interrupted, or how it ended; `gate` the one entered last."""

    id: str
    kind: str
    tag: str
    who: str
    started_at: float
    state: str
    gate: str | None


class Status(Document, frozen=True, kw_only=True):
    """`l9 status`. `recorded` is the live release as the journal has it; `good` may be gone back to."""

    app: str
    target: str
    path: str
    live: Live
    standby: Standby
    recorded: str | None
    retained: list[str]
    good: list[str]
    run: LastRun | None
    lock: Holder | None


class RunLine(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `outcome` is unfinished, or the terminal state; `closed_by` and `reason` where a gate closed."""

    run: str
    kind: str
    tag: str
    previous: str | None
    who: str
    started_at: float
    seconds: float | None
    outcome: str
    live: str | None
    closed_by: str | None
    reason: str | None


class History(Document, frozen=True, kw_only=True):
    """`l9 history`: newest first. With `--verify`: `entries` and `verified` instead of `runs`."""

    runs: list[RunLine] | UnsetType = UNSET
    entries: int | UnsetType = UNSET
    verified: bool | UnsetType = UNSET


class Explain(Document, frozen=True, kw_only=True):
    """`l9 explain`: one run, and all of its journal entries."""

    summary: RunLine
    entries: list[ev.Entry]


class Code(Document, frozen=True, kw_only=True):
    """`l9 explain CODE`: what an error code means."""

    code: str
    exit_code: int
    meaning: str


class Drift(Document, frozen=True, kw_only=True):
    """`l9 drift`: exit code 7 when `drift` is not empty."""

    drift: list[drift.Drift]
    live: str | None


class JudgedGate(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `verdict` is open, closed, or later (it depends on what has not been done yet)."""

    gate: str
    where: str
    summary: str
    verdict: str
    actions: list[str] | UnsetType = UNSET
    findings: list[ev.Finding] | UnsetType = UNSET


class Plan(Document, frozen=True, kw_only=True):
    """`l9 plan TAG`. `changed_services` is None where they could not be compared; then `…_unseen` says why."""

    tag: str
    commit: str
    new: str
    old: str | None
    previous: str | None
    changed_services: list[str] | None
    changed_services_unseen: str | None
    gates: list[JudgedGate]


class Fixed(msgspec.Struct, frozen=True, kw_only=True):
    """What `l9 check --fix` did about one invariant, as a command that does the same."""

    id: str
    did: str


class Check(Document, frozen=True, kw_only=True):
    """`l9 check`: `tag` is None for what HEAD would release; `ready` when nothing fails or is unknown.

    fixed: with `--fix`, what was changed in the working tree before this was judged.
    """

    tag: str | None
    commit: str
    ready: bool
    invariants: list[Judged]
    fixed: list[Fixed] | UnsetType = UNSET


class Criteria(Document, frozen=True, kw_only=True):
    """`l9 ready`, `l9 checklist`. `tag` is None for what HEAD would release; `ready`: nothing stands in its way."""

    tag: str | None
    commit: str
    ready: bool
    lines: list[criteria.Line]


class Explained(Document, frozen=True, kw_only=True):
    """`l9 check --explain ID`: one invariant, what it looks at, and the gates that need it."""

    id: str
    why: str
    clause: str
    substrate: str
    weight: str
    observes: list[str]
    gates: list[str]


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """One lock. `count`: names in it; `unhashed`: names that were locked without a hash before."""

    lock: str
    sources: list[str]
    missing: bool
    count: int
    changes: list[locking.LockChange]
    unhashed: list[str]


class Locked(Document, frozen=True, kw_only=True):
    """`l9 lock`; with `--check` nothing is `written`, and the exit code is 3 when something `drifted`."""

    written: bool
    drifted: bool
    locks: list[Lock]


class Audited(Document, frozen=True, kw_only=True):
    """`l9 lock --audit`: `good` when all were asked about and none is known to be vulnerable; else exit code 3."""

    good: bool
    asked: int
    vulnerable: list[locking.Vulnerable]
    skipped: list[locking.Skipped]


class EnvCheck(Document, frozen=True, kw_only=True):
    """`l9 env check`: `target` is None for a local file. `mode` is octal, empty where there is no file."""

    target: str | None
    path: str
    example: str
    tag: str | None
    ok: bool
    exists: bool
    mode: str
    keys: list[KeyVerdict]
    duplicates: list[str]
    bad_lines: list[int]


class ComparedKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key of two files. `verdict` is same, differs, only in A or only in B."""

    key: str
    verdict: str


class EnvDiff(Document, frozen=True, kw_only=True):
    """`l9 env diff A B`: exit code 7 when `same` is false."""

    a: str
    b: str
    same: bool
    keys: list[ComparedKey]


class Hooks(Document, frozen=True, kw_only=True):
    """`l9 hooks install|status|remove`. `hooks_path` is what core.hooksPath says; `ready` when all are installed."""

    directory: str
    hooks_path: str | None
    ready: bool
    hooks: list[HookState]


class HookRun(Document, frozen=True, kw_only=True):
    """`l9 hooks run NAME`. `before` is the exit code of the hook that was there before ours, if there is one."""

    hook: str
    ok: bool
    remarks: list[HookFinding]
    before: int | None
    seconds: float


class ProtectBare(Document, frozen=True, kw_only=True):
    """`l9 protect bare`: the files that were to be written, and whether anything was changed."""

    repository: str
    policy: Policy | None
    hook: HookState
    planned: list[str]
    changed: bool


class ProtectGithub(Document, frozen=True, kw_only=True):
    """`l9 protect github`: rulesets as GitHub's REST API takes them; `applied` is what was done, by name."""

    rulesets: list[dict[str, Any]]
    applied: dict[str, str]


class NewFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of `l9 init`; one that is `there` stays as it is."""

    path: str
    text: str
    mode: str
    there: bool


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """Something for a person to do or to know; `next` is a command, or empty."""

    what: str
    next: str


class MadeRelease(Document, frozen=True, kw_only=True):
    """`l9 release`: the release that was made, or would be with `dry_run`. `needed`: how far the version had to grow.

    `signer` attested the tree: a name where the signature counts here, else the key.
    """

    tag: str
    commit: str
    tree: str
    previous: str | None
    needed: Bump
    message: str
    signer: str
    dry_run: bool


class Releases(Document, frozen=True, kw_only=True):
    """`l9 releases`: newest first; `targets` are those that were asked where they are."""

    releases: list[ReleaseLine]
    targets: list[TargetAsked]


class BranchLine(msgspec.Struct, frozen=True, kw_only=True):
    """One branch. `at`: its newest commit; `began`: its oldest one that main lacks; `days` since then.

    `ahead` and `behind` are None where there is no main to compare with. `old`: not merged for over a week.
    """

    name: str
    where: str
    commit: str
    at: float
    began: float
    ahead: int | None
    behind: int | None
    merged: bool
    well_named: bool
    old: bool
    days: float


class BranchList(Document, frozen=True, kw_only=True):
    """`l9 branches`: all but main, here and on origin as of the last fetch. `known`: there is a main."""

    main: str
    known: bool
    branches: list[BranchLine]


class Init(Document, frozen=True, kw_only=True):
    """`l9 init`: the settings' path and text, all files, and what is left to a person.

    Exit code 3 when nothing was `written`. `next`: the commands that follow.
    """

    file: str
    text: str
    missing: list[str]
    written: bool
    files: list[NewFile]
    notes: list[Left]
    next: list[str]


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the graph's `needs`."""

    id: str
    why: str
    clause: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One gate of the table. `closed` is how a run ends in which it stays closed."""

    opens: str
    where: str
    phase: str
    kinds: list[str]
    after: list[str]
    acts: bool
    needs: list[Need]
    closed: str
    summary: str


class Graph(Document, frozen=True, kw_only=True):
    """`l9 graph`. `digest` is what laptop and host compare."""

    digest: str
    gates: list[Row]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change to a host. `root`: it needs root. `commands`: how to make it by hand."""

    kind: str
    title: str
    root: bool
    diff: list[str]
    commands: list[str] | UnsetType = UNSET


class Lack(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person has to do. `blocking`: without it no deploy can succeed."""

    what: str
    expected: str
    observed: str
    remedy: str
    blocking: bool


class Provision(Document, frozen=True, kw_only=True):
    """`l9 provision`: what was made, what is planned, what is left to a person."""

    target: str
    host: str
    path: str
    dry_run: bool
    changed: bool
    ready: bool
    made: list[Change]
    planned: list[Change]
    left: list[Change]
    needs: list[Lack]
    agent: dict[str, Any]
    seen: dict[str, str | None]
    seconds: float


class ShownConfig(Config, frozen=True, kw_only=True):
    """`l9 config show`: one target's configuration with every default filled in."""

    schema: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked for, and what was there."""

    expected: str
    observed: str


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """The next command to type; `when` says where or when, if that is not here and now."""

    command: str
    when: str | UnsetType = UNSET


class Error(Document, frozen=True, kw_only=True):
    """Any command that could not be done; on standard output with `--json`. `changed`: the host is not as before."""

    type: str
    code: str
    message: str
    evidence: list[Evidence]
    changed: bool
    retryable: bool
    exit_code: int
    remedy: list[Remedy]
    log: list[str]


DOCUMENTS: dict[str, Any] = {
    "l9.status/1": Status,
    "l9.history/1": History,
    "l9.explain/1": Explain,
    "l9.code/1": Code,
    "l9.drift/1": Drift,
    "l9.plan/1": Plan,
    "l9.check/1": Check,
    "l9.ready/1": Criteria,
    "l9.checklist/1": Criteria,
    "l9.invariant/1": Explained,
    "l9.lock/1": Locked,
    "l9.audit/1": Audited,
    "l9.env-check/1": EnvCheck,
    "l9.env-diff/1": EnvDiff,
    "l9.hooks/1": Hooks,
    "l9.hook/1": HookRun,
    "l9.protect.bare/1": ProtectBare,
    "l9.protect.github/1": ProtectGithub,
    "l9.branches/1": BranchList,
    "l9.init/1": Init,
    "l9.release/1": MadeRelease,
    "l9.releases/1": Releases,
    "l9.graph/1": Graph,
    "l9.provision/1": Provision,
    "l9.config/1": ShownConfig,
    "l9.run/1": Lines,
    "l9.logs/1": Lines,
    "l9.error/1": Error,
}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one document, or of one line where the command prints JSON Lines. KeyError for no such."""
    (schema,), components = msgspec.json.schema_components([DOCUMENTS[name]], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        **schema,
        "$defs": components,
    }
