"""Every invariant: that it can pass, that it can fail, and that what nobody saw closes its gate."""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple

import click
import pytest
from msgspec.structs import replace

import production_cases
from l9.checks.api.openapi import ApiChange
from l9.checks.compose import invariants as composed
from l9.checks.dependencies.facts import Declared, LockMismatch, Locks
from l9.checks.dependencies.locks import read_requirements
from l9.checks.dockerfile import invariants as image
from l9.checks.environment import invariants as env
from l9.checks.environment.facts import EnvExample, Environment, EnvSource
from l9.checks.environment.reads import EnvRead
from l9.checks.environment.schema import Problem, TypeMismatch
from l9.checks.git import branch_invariants as branching
from l9.checks.git import invariants as repository
from l9.checks.git import setup_invariants as workspace_setup
from l9.checks.git import workspace_invariants as workspace
from l9.checks.git.facts import (
    Automation,
    Branch,
    Branches,
    CommitMessage,
    Hooks,
    LastRelease,
    Messages,
    Origin,
    Protection,
    Signature,
    TreeFiles,
    Workspace,
)
from l9.checks.host import action_invariants as guard
from l9.checks.host import back_invariants as back
from l9.checks.host import live_invariants as live
from l9.checks.host import ready_invariants as ready
from l9.checks.host import slot_invariants as slot
from l9.checks.host import steady_invariants as steady
from l9.checks.host.facts import (
    Bake,
    Checkout,
    Health,
    HostTag,
    InFlight,
    Logs,
    Proof,
    Record,
    Route,
    Site,
    Smoke,
    SmokeResult,
    Standby,
    Target,
    Watch,
)
from l9.checks.host.health import Sample
from l9.checks.logs.report import LogReport, Outcome
from l9.checks.pipeline import attestation_invariants as attested
from l9.checks.pipeline import stage_invariants as cgmp
from l9.checks.pipeline.stages import CgmpReport, StageResult
from l9.checks.secrets.facts import Leak, Secrets, Suspect
from l9.cli.main import cli
from l9.config.model import Config
from l9.core import actions as do
from l9.core import events as ev
from l9.core import facts as f
from l9.core.decide import PROOF_DEADLINE, conclusion
from l9.core.invariant import Context, Invariant, Weight
from l9.core.run import Step
from l9.core.states import Slot, SlotStatus, Stage, State, StepStatus, Substrate
from l9.core.verdict import Fail, Pass, Pending, Unknown
from samples import (
    BEFORE,
    BRANCH,
    COMMIT,
    CONFIG,
    ENTERED,
    FIRST_DEPLOY,
    GOOD,
    GREEN,
    HEALTHY,
    MESSAGE,
    NOT_YET,
    NOW,
    PROBE_FAILED,
    REPORT,
    STREAK,
    TAG,
    TAG_SEEN,
    TREE,
    a_run,
    facts,
    settings,
    slots,
)

ALL = tuple(
    found
    for module in (
        workspace,
        cgmp,
        workspace_setup,
        env,
        image,
        composed,
        repository,
        branching,
        attested,
        ready,
        slot,
        live,
        back,
        guard,
        steady,
    )
    for found in vars(module).values()
    if isinstance(found, Invariant)
)
# What the engine answers is its evidence, and these waits end with their time: they have no failure of their own.
NEVER_FAIL = {ready.ENGINE_READY.id, live.DRAINED.id, guard.STANDBY_WARM.id}
# These hold when the old release is live again; everything else when the new one is.
FROM_BLUE = f.Answering(Slot.BLUE, BEFORE, 200, f"status 200 from blue with {BEFORE}")
FROM_NOBODY = f.Answering(None, None, 404, "status 404 from no slot with no release")
HUNG = f.Answering(None, None, None, "timed out")
AWAY = f.Answering(None, None, None, "connection refused", accepted=False)
OF_THE_WAY_BACK = {
    live.PREVIOUS_LIVE.id: (
        Route(Slot.BLUE),
        Proof(5, "blue", BEFORE),
        slots(new={"status": "exited"}),
    ),
    live.NEW_SLOT_GONE.id: (slots(new={"status": "absent", "release": None}),),
    live.OLD_STANDS_BY.id: (slots(old={"status": "paused"}),),
    guard.TREE_UNUSED.id: (slots(new={"status": "absent", "release": None}),),
}
PROGRAMS = {"$EDITOR", "chmod", "docker", "free", "git", "l9", "pytest", "ss", "uv"}


def context(
    gate: State = State.BAKE, *, now: float = NOW, config: Config = CONFIG, **changed: Any
) -> Context:
    return Context(a_run(**changed), config, now, gate)


def example(**changed: Any) -> EnvExample:
    return replace(GOOD[EnvExample], **changed)


def source(**changed: Any) -> EnvSource:
    return replace(EnvSource(".env.production", exists=True, references=2, literals=1), **changed)


def by_id(invariant: Invariant) -> str:
    return invariant.id


class Case(NamedTuple):
    """A case of an invariant on changed facts: `says` stands in `found`."""

    invariant: Invariant
    says: str
    changed: tuple[object, ...] = ()
    context: Context = context()


def case_id(case: Case) -> str:
    return f"{case.invariant.id}: {case.says}"


def tag(**changed: Any) -> f.Tag:
    return replace(TAG_SEEN, **changed)


def messages(*commits: CommitMessage, since: str | None = BEFORE) -> Messages:
    return Messages(since, commits or (MESSAGE,))


def branches(*found: Branch) -> Branches:
    return Branches("main", found)


LEAK = Leak("api/a b.py", 3, "AWS Access Key")
PUSHED = replace(LEAK, commit=COMMIT, gone=True, pushed=True)
BAD_SIGNATURE = Signature("bad", why="a signature that does not match")


def requirements(text: str) -> Locks:
    return Locks({"requirements.txt": read_requirements(text)})


def logs(outcome: Outcome, reason: str, *excerpt: str, cause: str | None = None) -> Logs:
    return Logs(LogReport(outcome, reason, 7, excerpt=excerpt), ("the last line",), cause, NOW)


def red(stage: Stage) -> CgmpReport:
    return replace(
        REPORT, stages=(StageResult(stage, False, "pytest -v", 2.0, "exit code 1", ("1 failed",)),)
    )


def api(level: str, line: str) -> CgmpReport:
    return replace(
        REPORT, api=ApiChange(level, (line,) if level == "major" else (), (line,) if level == "minor" else ())
    )


def installed(*freeze: str) -> CgmpReport:
    return replace(REPORT, freeze=freeze)


BROKEN_LOG = logs(Outcome.ERRORS, "1 kinds", "Traceback (most recent call last):\nValueError: no")
READ = EnvRead(("KEY",), "api/x.py:3")
WRITE_ENV = Step(0, State.IMAGES_READY, do.WriteEnv(run="run-1"), status=StepStatus.DONE)
WROTE_ENV, PUT_ENV_BACK = (
    replace(context(), run=replace(a_run(), steps=(replace(WRITE_ENV, status=status),)))
    for status in (StepStatus.DONE, StepStatus.UNDONE)
)
NOISE_NOW = replace(GOOD[Logs], noise="WORKER TIMEOUT", noise_at=NOW)
NOISE_BEFORE = replace(NOISE_NOW, noise_at=ENTERED + 3)
FROZEN = context(
    wake=SlotStatus.PAUSED, config=settings(health={"soak": 0}, standby={"mode": "pause"}), now=NOW
)
SOURCED = context(env=ev.StagedEnv(source=".env.production", keys=(), fingerprint=""))
EARLY = context(now=ENTERED + 5)


def after(seconds: float, seen: Context = EARLY) -> Context:
    """That long after its gate was entered."""
    return replace(seen, now=ENTERED + seconds)


DEADLINE, SOAK = CONFIG.health.deadline, CONFIG.health.soak
ROLLING_BACK = context(State.ROLLBACK)
_SWITCH = Step(0, State.ROUTE_TRAFFIC, do.SwitchRoute(to=Slot.GREEN, back=Slot.BLUE), StepStatus.DONE)
SWITCHED = replace(ROLLING_BACK, run=replace(ROLLING_BACK.run, steps=(_SWITCH,)))
SENT_BACK = replace(SWITCHED, run=replace(SWITCHED.run, aborted="not now"))
SENT_BACK_NOW = replace(SENT_BACK, now=ENTERED + 6)
BACK_SINCE_NOW = replace(SENT_BACK, now=ENTERED + 4)
FIRST_SENT_BACK = replace(SENT_BACK, run=replace(SENT_BACK.run, old=None, previous=None))
RESUMED = replace(context(), run=replace(a_run(), resumed_at=NOW - 20))
FINISHED = conclusion(a_run(), State.SUCCESS, NOW)


def acting(action: do.AnyAction, seen: Context = SENT_BACK, **changed: Any) -> Context:
    """Before this action is performed; fields of the run may be changed."""
    return replace(seen, run=replace(seen.run, **changed), action=action)


def target(*, started: float = 0.0, other: SmokeResult | None = None) -> Target:
    """The slot that is to be switched to is not healthy."""
    return Target(PROBE_FAILED, started, other)


REMOVE, STOP = (kind(slot=Slot.GREEN, release=TAG) for kind in (do.RemoveSlot, do.StopSlot))
EVICT = do.EvictSlot(slot=Slot.GREEN, release=TAG)
SICK = replace(HEALTHY, found="status 503", ok=False)
SICK_STANDBY = Standby(PROBE_FAILED)

_LACKS = LockMismatch("pyproject.toml", "fastapi>=0.104", "requirements.txt", "fastapi==0.99", "l9 lock")
MISMATCHED = Declared((), (_LACKS, replace(_LACKS, wanted="httpx", found="no httpx")))
NOT_ATTESTED = f.Attested(TREE, problem="no attestation", remedy="l9 provision")
ATTESTATION_REQUIRED = context(config=settings(release={"require_attestation": True}))

FAILS = (
    *(Case(*each) for each in production_cases.FAILS),
    Case(workspace.ON_MAIN, "topic", (Workspace("topic", (), ()),)),
    Case(workspace.ON_MAIN, "a detached HEAD", (Workspace(None, (), ()),)),
    Case(workspace.ON_MAIN, "main", (), context(config=settings(release={"main": "trunk"}))),
    Case(
        workspace.NO_UNTRACKED, "a, b, c, d, e and 2 more", (Workspace("main", tuple("abcdefg"), ()),)
    ),
    Case(workspace.NO_UNTRACKED, "env.local", (Workspace("main", ("env.local",), ()),)),
    Case(workspace.NO_UNCOMMITTED, "api/main.py", (Workspace("main", (), ("api/main.py",)),)),
    Case(workspace.DEPENDENCIES_LOCKED, "requirements.txt:1: click>=8", (requirements("click>=8\n"),)),
    Case(
        workspace.DEPENDENCIES_LOCKED, "has lines without", context=context(config=settings(check={"hashes": True}))
    ),
    Case(workspace.PROJECT_MATCHES_LOCK, "fastapi==0.99, and 1 more", (MISMATCHED,)),
    Case(cgmp.FIX_PASSED, "exit code 1", (red(Stage.FIX),)),
    Case(cgmp.SIM_PASSED, "exit code 1", (red(Stage.SIM),)),
    Case(cgmp.COV_PASSED, "exit code 1", (red(Stage.COV),)),
    Case(cgmp.ORACLE_PASSED, "exit code 1", (red(Stage.ORACLE),)),
    Case(cgmp.CGMP_THIS_TREE, "stages of tree 999", (replace(REPORT, tree="9" * 40),)),
    Case(cgmp.CGMP_THIS_TREE, "stages of tree ", (replace(REPORT, tree=""),), context(tree="", tag="")),
    Case(cgmp.API_FITS_VERSION, "GET /a was removed", (api("major", "GET /a was removed"),)),
    Case(cgmp.API_FITS_VERSION, "GET /a was removed", (api("major", "GET /a was removed"),),
         context(tag="v0.6.0-l9")),
    Case(cgmp.API_FITS_VERSION, "GET /a was added", (api("minor", "GET /a was added"),)),
    Case(cgmp.IMAGE_MATCHES_LOCK, "httpx 1 is not locked", (installed("fastapi==0.104.1", "httpx==1"),)),
    Case(cgmp.IMAGE_MATCHES_LOCK, "fastapi is not installed", (installed("pip==1"),)),
    Case(cgmp.IMAGE_MATCHES_LOCK, "fastapi 0.99, locked 0.104.1", (installed("FastAPI==0.99"),)),
    Case(workspace_setup.SCRIPTS_THERE, "no scripts/deploy.sh, scripts/rollback.sh",
         (Automation(("scripts/drift-check.sh",)),)),
    Case(workspace_setup.HOOKS_INSTALLED, "no pre-push", (Hooks(("pre-commit",), ("pre-push",)),)),
    Case(workspace_setup.SCRIPTS_EXECUTABLE, "not executable: scripts/a.sh, scripts/b.sh",
         (Automation(not_executable=("scripts/a.sh", "scripts/b.sh")),)),
    Case(workspace_setup.FAILURES_TOLD, "none in .github/workflows", (Automation(),)),
    Case(env.ENV_DOCUMENTED, "missing: KEY (api/x.py:3)", (example(lacking=(READ,)),)),
    Case(env.ENV_DOCUMENTED, "no such file, and the release reads: KEY", (example(exists=False, lacking=(READ,)),)),
    Case(env.DEFAULTS_DOCUMENTED, "KEY (api/x.py:3)", (example(lacking=(replace(READ, default=True),)),)),
    Case(env.ENV_SCHEMA, "line 3: no assignment", (example(problems=(Problem(3, "no assignment"),)),)),
    Case(env.ENV_SOURCE, "no such file", (source(exists=False),)),
    Case(env.ENV_SOURCE, "line 3: no assignment", (source(problems=(Problem(3, "no assignment"),)),)),
    Case(env.ENV_SOURCE, ".env.production:3: KEY (AWS Access Key)",
         (source(suspects=(Suspect(".env.production", 3, "KEY", "AWS Access Key"),)),)),
    Case(env.ENV_NO_SECRETS, ".env.example:3: KEY (AWS Access Key)",
         (example(suspects=(Suspect(".env.example", 3, "KEY", "AWS Access Key"),)),)),
    Case(repository.TAG_EXISTS, "no such tag", (f.Tag(TAG),)),
    Case(repository.TAG_EXISTS, "a tag of something else", (tag(commit="", tree=""),)),
    Case(repository.TREE_COMPLETE, "lib is a submodule", (TreeFiles(2, "lib is a submodule", "git rm lib"),)),
    Case(repository.TAG_ANNOTATED, "a lightweight tag", (tag(kind="commit"),)),
    Case(repository.TAG_ANNOTATED, "an annotated one of the same commit on origin",
         (tag(kind="commit", annotated_at_origin=True),)),
    Case(repository.TAG_ANNOTATED, "no such tag", (f.Tag(TAG),)),
    Case(repository.TAG_ON_MAIN, "is not an ancestor", (tag(on_main=False),)),
    Case(repository.TAG_MESSAGE, "an empty message", (tag(message=" \n"),)),
    Case(repository.TAG_MESSAGE_FORM, "begin with a type", (tag(message="a release"),)),
    Case(repository.TAG_NEWER, TAG, (LastRelease("v0.5.1-l9"),)),
    Case(repository.TAG_NEWER, TAG, (LastRelease("v0.10.0-l9"),)),
    Case(repository.COMMIT_MESSAGES, "no message in cccccccccccc", (messages(replace(MESSAGE, text=" \n")),)),
    Case(repository.COMMIT_FORM, "1 of another form; cccccccccccc begin with a type",
         (messages(replace(MESSAGE, text="wip")),)),
    Case(repository.COMMIT_FORM, "1 of another form", (messages(replace(MESSAGE, text="wip"), since=None),)),
    Case(branching.BRANCH_NAMES, "topic", (branches(replace(BRANCH, name="topic")),)),
    Case(branching.BRANCH_NAMES, "topic", (branches(replace(BRANCH, name="topic", where="origin")),)),
    Case(branching.BRANCH_NAMES, "feature/lock", (), context(config=settings(release={"branches": ()}))),
    Case(branching.BRANCHES_SHORT_LIVED, "feature/lock (8 days)", (branches(replace(BRANCH, began=NOW - 8 * 86_400)),)),
    Case(branching.MAIN_PROTECTED, "not protected", (replace(GOOD[Protection], by=""),)),
    Case(repository.NO_SECRETS, "1 found; api/a b.py:3 AWS Access Key", (Secrets(None, (LEAK,)),)),
    Case(repository.NO_SECRETS, "1 found; api/a b.py:3 AWS Access Key in cccccccccccc",
         (Secrets(BEFORE, (replace(LEAK, commit=COMMIT, gone=True),)),)),
    Case(repository.NO_SECRETS, r"'two\nlines':3", (Secrets(None, (replace(LEAK, path="two\nlines"),)),)),
    Case(repository.NO_SECRETS, "2 found", (Secrets(None, (LEAK, PUSHED), history=True),)),
    Case(repository.TAG_SIGNATURE, "a signature that does not match", (BAD_SIGNATURE,)),
    Case(repository.TAG_SIGNATURE, "no signers", (Signature("bad", "", "no signers", "git push origin main"),)),
    Case(repository.TAG_SIGNATURE, "no signature", (), context(config=settings(release={"signatures": "required"}))),
    Case(repository.TAG_ON_ORIGIN, "none", (Origin(None),)),
    Case(repository.TAG_ON_ORIGIN, "999999999999 (moved!)", (Origin("url", "9" * 40),)),
    Case(ready.SITE_READY, "no flag file", (Site("no flag file", "l9 provision"),)),
    Case(ready.CHECKOUT_UNEDITED, "edited by hand: api/x.py", (Checkout("/opt/l9", ("api/x.py",)),)),
    Case(ready.ENV_COMPLETE, "none", (Environment("/opt/l9/.env", exists=False),)),
    Case(ready.ENV_COMPLETE, "missing: MEMORY_DSN", (Environment("/opt/l9/.env", True, ("MEMORY_DSN",)),)),
    Case(ready.ENV_COMPLETE, "invalid value of PORT",
         (Environment("/opt/l9/.env", True, wrong=(TypeMismatch("PORT", "a port, 1 to 65535"),)),)),
    Case(ready.ENV_COMPLETE, "missing: MEMORY_DSN",
         (Environment("/opt/l9/.env", False, ("MEMORY_DSN",), resolved=True),), SOURCED),
    Case(ready.ENV_PUT_BACK, "the refused release's", (), WROTE_ENV),
    Case(ready.ENV_COMPLETE, "mode 0644", (Environment("/opt/l9/.env", True, mode=0o644),)),
    Case(ready.PORTS_FREE, "held by nginx", (replace(GOOD[f.Host], ports_taken={8001: "nginx"}),)),
    Case(ready.DISK_FREE, "5 MB", (replace(GOOD[f.Host], disk_free=5_000_000),)),
    Case(ready.MEMORY_FREE, "5 MB", (replace(GOOD[f.Host], memory_available=5_000_000),)),
    Case(ready.WAY_BACK, "missing: image, env snapshot", (f.Retained(BEFORE, True, compose=True),)),
    Case(ready.RELEASE_KEPT, "missing: image, compose snapshot", (f.Retained(BEFORE, True, env=True),)),
    Case(ready.NEWER_THAN_LIVE, f"{TAG}, which was never live here", (), context(previous="v0.6.0-l9")),
    Case(ready.NEWER_THAN_LIVE, "which was live before", (), context(previous="v0.6.0-l9", was_good=True)),
    Case(ready.NEWER_THAN_LIVE, "which was live before", (),
         context(previous="v0.6.0-l9", was_good=True, kept=("v0.6.0-l9", TAG))),
    Case(ready.TAG_NEVER_MOVED, "999999999999 in earlier runs (moved!)", (), context(objects=("9" * 40,))),
    Case(ready.TAG_SAME, "999999999999 (moved!)", (HostTag(tag(object_id="9" * 40)),)),
    Case(ready.TAG_SAME, "no such tag on the host", (HostTag(f.Tag(TAG)),)),
    Case(ready.TAG_ON_MAIN, "not reachable", (HostTag(tag(on_main=False)),)),
    Case(attested.ATTESTED_HERE, "no attestation", (NOT_ATTESTED,), ATTESTATION_REQUIRED),
    Case(attested.ATTESTED_ON_HOST, "no attestation", (NOT_ATTESTED,), ATTESTATION_REQUIRED),
    Case(slot.IMAGE_READY, "an image of 999999999999", (f.Image("sha256:d", "9" * 40),)),
    Case(slot.IMAGE_READY, "an image of no commit", (f.Image("sha256:d", ""),)),
    Case(slot.SERVICES_UP, "postgres exited", (f.Services({"postgres": "exited", "redis": "running"}),)),
    Case(slot.NEW_SLOT_UP, "nothing absent", (slots(new={"release": None, "status": "absent"}),)),
    Case(slot.NEW_SLOT_UP, f"{BEFORE} running", (slots(new={"release": BEFORE}),)),
    Case(slot.NEW_SLOT_UP, f"{TAG} paused", (slots(new={"status": "paused"}),)),
    Case(slot.HEALTHY_IN_TIME, "the process ended", (Health(NOT_YET), slots(new={"status": "absent"})), EARLY),
    Case(slot.HEALTHY_FOR_SOAK, "the process ended", (Health(NOT_YET), slots(new={"status": "absent"})), EARLY),
    Case(slot.HEALTHY_IN_TIME, "exit code 1; last answer: connection refused",
         (Health(NOT_YET), slots(new={"status": "exited", "exit_code": 1})), EARLY),
    Case(slot.HEALTHY_IN_TIME, "not healthy in 60 s; last answer: no answer yet; probable cause: the disk is full",
         (Health(replace(NOT_YET, last=None)), logs(Outcome.CLEAN, "", cause="the disk is full"))),
    Case(slot.HEALTHY_FOR_SOAK, "never healthy for 10 s without a break",
         (Health(STREAK.add(Sample(NOW, False, "status 503"))),)),
    Case(slot.HEALTHY_FOR_SOAK, "never healthy for 10 s without a break", (Health(NOT_YET),)),
    Case(slot.HEALTHY_FOR_SOAK, "exit code 1",
         (Health(NOT_YET), slots(new={"status": "exited", "exit_code": 1})), EARLY),
    Case(slot.ENGINE_HEALTH, "healthcheck reports unhealthy", (slots(new={"health": "unhealthy"}),)),
    Case(slot.ENGINE_HEALTH, "still reports starting", (slots(new={"health": "starting"}),)),
    Case(slot.ENGINE_HEALTH, "reports unhealthy", (slots(new={"health": "unhealthy"}),),
         context(wake=SlotStatus.EXITED)),
    Case(slot.LOGS_CLEAN, "ValueError: no (1 kinds)", (BROKEN_LOG,)),
    Case(slot.LOGS_CLEAN, "WORKER TIMEOUT after the wake, and no quiet since", (NOISE_NOW,)),
    Case(slot.LOGS_STAY_CLEAN, "ValueError: no (1 kinds)", (BROKEN_LOG,), EARLY),
    Case(slot.SMOKE_PASSED, "status 500", (Smoke((PROBE_FAILED,)),)),
    Case(slot.NEW_SLOT_STEADY, "out of memory: killed", (slots(new={"oom_killed": True}),)),
    Case(slot.NEW_SLOT_STEADY, "running, 1 restarts", (slots(new={"restarts": 1}),)),
    Case(slot.NEW_SLOT_STEADY, "running, 1 restarts", (slots(new={"restarts": 3}),), context(woken_restarts=2)),
    Case(slot.NEW_SLOT_STEADY, "exited, 0 restarts, exit code 3",
         (slots(new={"status": "exited", "exit_code": 3}),)),
    Case(slot.NEW_SLOT_STEADY, "running, 0 restarts", (slots(new={"release": BEFORE}),)),
    Case(live.ROUTE_SET, "traffic goes to blue", (Route(Slot.BLUE),)),
    Case(live.ROUTE_PROVED, f"blue with {BEFORE}", (Proof(0, "blue", BEFORE),)),
    Case(live.ROUTE_PROVED, "no slot with no release", (Proof(0, None, None),)),
    Case(live.ROUTE_PROVED, "connection refused", (Proof(0, None, None, "connection refused"),)),
    Case(live.ROUTE_PROVED, "v9 exited", (Proof(0, "green", TAG, "502: v9 exited", lost=True),), EARLY),
    Case(live.FEW_SERVER_ERRORS, "10.0% (100 of 1000)", (f.Traffic(1000, 100),), EARLY),
    Case(live.FEW_SERVER_ERRORS, "5.0% (1 of 20)", (f.Traffic(20, 1),), EARLY),
    Case(live.ANSWERS_STAY_GOOD, "status 500 (2 failures in 9 rounds)",
         (Bake(9, (PROBE_FAILED, PROBE_FAILED)),), EARLY),
    Case(back.BACK_HEALTHY, "2 of 40 answers failed: POST /memory/packet: status 500",
         (Watch(40, (PROBE_FAILED, PROBE_FAILED)),), SENT_BACK),
    Case(back.BACK_HEALTHY, "30 of 1040 answers failed: 503 GET /health",
         (Watch(40, (), f.Traffic(1000, 30, ("500 GET /", "503 GET /health"))),), SENT_BACK),
    Case(back.BACK_HEALTHY, f"{BEFORE} exited in blue; 1 of 40 answers failed",
         (Watch(40, (PROBE_FAILED,), None, f"{BEFORE} exited in blue"),), SENT_BACK),
    Case(live.OLD_STANDS_BY, f"{BEFORE} running"),
    Case(guard.TARGET_ANSWERS, "status 500", (target(),)),
    Case(guard.TARGET_ANSWERS, "status 500", (target(other=HEALTHY),), SENT_BACK_NOW),
    Case(guard.TARGET_ANSWERS, "status 500", (target(started=NOW, other=HEALTHY),), SENT_BACK),
    Case(guard.TARGET_ANSWERS, "status 500", (target(started=ENTERED),), context(now=ENTERED + CONFIG.health.timeout)),
    Case(guard.TARGET_ANSWERS, "status 500", (target(started=NOW - 30),), RESUMED),
    Case(guard.SLOT_IDLE, "public traffic goes to green", (), acting(REMOVE)),
    Case(guard.SLOT_IDLE, "public traffic goes to green", (HUNG,), acting(REMOVE)),
    Case(guard.SLOT_IDLE, "public traffic goes to green", (), acting(STOP, old=None, finished=FINISHED)),
    Case(guard.SLOT_IDLE, "from green with " + TAG + ", although the route names blue",
         (Route(Slot.BLUE),), acting(REMOVE)),
    Case(guard.SLOT_IDLE, "status 404 from no slot", (Route(Slot.BLUE), FROM_NOBODY), acting(REMOVE)),
    Case(guard.SLOT_IDLE, "although the route names blue",
         (Route(Slot.BLUE),), acting(REMOVE, SENT_BACK_NOW, finished=FINISHED)),
    Case(guard.SLOT_IDLE, "timed out", (Route(Slot.BLUE), HUNG), acting(STOP, SENT_BACK_NOW, finished=FINISHED)),
    Case(guard.SLOT_IDLE, "timed out", (Route(Slot.BLUE), HUNG), acting(STOP, finished=FINISHED, steps=())),
    Case(guard.SLOT_UNUSED, "from green with " + TAG, (), acting(EVICT)),
    Case(guard.SLOT_IDLE, "timed out", (Route(Slot.BLUE), HUNG), acting(STOP)),
    Case(live.ROUTE_STAYS, f"status 200 from blue with {BEFORE}", (FROM_BLUE,)),
    Case(live.ROUTE_STAYS, "status 404 from no slot", (FROM_NOBODY,)),
    Case(live.ROUTE_STAYS, "connection refused", (AWAY,)),
    Case(live.ROUTE_STAYS, "the route names blue", (Route(Slot.BLUE),), EARLY),
    Case(guard.TREE_UNUSED, "running in green"),
    Case(guard.TREE_UNUSED, "exited in blue",
         (slots(new={"release": None}, old={"release": TAG, "status": "exited"}),)),
    Case(steady.LIVE_HEALTHY, "connection refused", (Health(NOT_YET),)),
    Case(steady.LIVE_HEALTHY, "no probe", (Health(replace(NOT_YET, last=None)),)),
    Case(steady.DRIFT_WATCHED, "none so far", (f.DriftCheck(),)),
    Case(steady.DRIFT_WATCHED, "the last one 3 h ago", (f.DriftCheck(NOW - 3 * 3600),)),
    Case(steady.DRIFT_WATCHED, "the last one 200 h ago", (f.DriftCheck(NOW - 200 * 3600),)),
    Case(steady.DRIFT_WATCHED, "the last one 2 h ago", (f.DriftCheck(NOW - 2 * 3600 - 1),)),
    Case(steady.DRIFT_WATCHED, "2 differences 10 min ago", (f.DriftCheck(NOW - 600, 2),)),
    Case(steady.LIVE_LOG_CLEAN, "ValueError: no (1 kinds)", (BROKEN_LOG,)),
    Case(live.RECORD_TRUE, f"{BEFORE} on {COMMIT[:12]}", (Record(BEFORE, COMMIT),)),
    Case(live.RECORD_TRUE, "None on None", (Record(None, None),)),
    Case(live.RECORD_TRUE, f"{TAG} on 999999999999", (Record(TAG, "9" * 40),)),
    Case(live.ANSWERS_STAY_GOOD, "status 503 (2 failures", (Bake(9, (PROBE_FAILED, SICK)),), EARLY),
    Case(live.ANSWERS_STAY_GOOD, "status 500 (3 failures", (Bake(9, (SICK, SICK, PROBE_FAILED)),), EARLY),
    Case(live.NEW_SLOT_GONE, "running", (), ROLLING_BACK),
    Case(live.PREVIOUS_LIVE, "traffic goes to green", (), ROLLING_BACK),
    Case(live.PREVIOUS_LIVE, f"{BEFORE} paused",
         (Route(Slot.BLUE), slots(old={"status": "paused"})), ROLLING_BACK),
    Case(live.PREVIOUS_LIVE, "nothing running",
         (Route(Slot.BLUE), slots(old={"release": None})), ROLLING_BACK),
    Case(live.PREVIOUS_LIVE, f"green with {TAG}",
         (Route(Slot.BLUE), Proof(0, "green", TAG)), SWITCHED),
    Case(live.NEW_SLOT_GONE, "restarting", (slots(new={"status": "restarting"}),), ROLLING_BACK),
)  # fmt: skip

PASSES = (
    *(Case(*each) for each in production_cases.PASSES),
    Case(workspace.NO_UNTRACKED, "no untracked files",
         (Workspace("main", (".env.local", "api/.env.local", ".env.test.local"), ()),)),
    Case(workspace.DEPENDENCIES_LOCKED, "1 dependencies exact in requirements.txt"),
    Case(workspace.DEPENDENCIES_LOCKED, "no requirements files", (Locks({}),)),
    Case(workspace.DEPENDENCIES_LOCKED, "1 dependencies exact",
         (requirements(f"click==8.1.7 --hash=sha256:{'0' * 64}\n"),), context(config=settings(check={"hashes": True}))),
    Case(workspace.PROJECT_MATCHES_LOCK, "4 of pyproject.toml in requirements.txt"),
    Case(workspace.PROJECT_MATCHES_LOCK, "nothing is declared", (Declared(()),)),
    Case(workspace.PROJECT_MATCHES_LOCK, "Poetry's own", (Declared((), notes=("pyproject.toml is Poetry's own",)),)),
    Case(cgmp.SIM_PASSED, "all well"),
    Case(cgmp.SIM_PASSED, "all well (unchanged; it took 12.0 s)",
         (replace(REPORT, stages=(replace(GREEN[1], cached=True),)),)),
    Case(cgmp.CGMP_THIS_TREE, f"tree {TREE[:12]}, in a container"),
    Case(cgmp.API_FITS_VERSION, "no change", (replace(REPORT, api=None),)),
    Case(cgmp.API_FITS_VERSION, "no change", (replace(api("major", "GET /a was removed"), base=None),)),
    Case(cgmp.API_FITS_VERSION, "must be a MAJOR: GET /a was removed", (api("major", "GET /a was removed"),),
         context(tree="", tag="")),
    Case(cgmp.API_FITS_VERSION, "a MAJOR since v0.5.0-l9", (api("major", "GET /a was removed"),),
         context(tag="v1.0.0-l9")),
    Case(cgmp.API_FITS_VERSION, "a MINOR since v0.5.0-l9", (api("minor", "GET /a was added"),),
         context(tag="v0.6.0-l9")),
    Case(cgmp.IMAGE_MATCHES_LOCK, "1 packages, as in requirements.txt"),
    Case(cgmp.IMAGE_MATCHES_LOCK, "no image", (replace(REPORT, image=None, freeze=None),)),
    Case(cgmp.IMAGE_MATCHES_LOCK, "no Python in the image", (replace(REPORT, freeze=None),)),
    Case(cgmp.IMAGE_MATCHES_LOCK, "no requirements.txt", (Locks({}),)),
    Case(cgmp.IMAGE_MATCHES_LOCK, "1 packages", (requirements("fastapi==0.104.1\nuvloop==1 ; sys_platform == 'x'\n"),)),
    Case(repository.TAG_ANNOTATED, "annotated by an unknown tagger", (tag(tagger=""),)),
    Case(repository.TAG_SIGNATURE, "signed by Ada (ED25519 key)", (Signature("good", "Ada (ED25519 key)"),)),
    Case(repository.TAG_SIGNATURE, "signed, signer not verified: no signers; a signature is not required",
         (Signature("unverified", why="no signers"),)),
    Case(repository.TAG_NEWER, f"newer than {BEFORE}"),
    Case(branching.BRANCHES_SHORT_LIVED, "no branch other than main", (branches(),)),
    Case(branching.BRANCHES_SHORT_LIVED, "no unmerged branch is older",
         (branches(replace(BRANCH, began=NOW - 8 * 86_400, ahead=0)),)),
    Case(repository.NO_SECRETS, f"none found in the changes since {BEFORE}"),
    Case(repository.NO_SECRETS, "in the tree; not read: a.bin, b.bin, c.bin and 1 more",
         (Secrets(None, (), ("a.bin", "b.bin", "c.bin", "d.bin")),)),
    Case(repository.NO_SECRETS, "removed after it was pushed: rotate it", (Secrets(BEFORE, (PUSHED,)),)),
    Case(repository.TAG_NEWER, "the first release", (LastRelease(),)),
    Case(repository.TAG_NEWER, "newer than another", (LastRelease("another"),)),
    Case(repository.COMMIT_MESSAGES, f"2 commits since {BEFORE}, none empty; 2 of 2 name an issue"),
    Case(repository.COMMIT_MESSAGES, "older ones not read", (Messages(BEFORE, (MESSAGE,), more=True),)),
    Case(repository.COMMIT_FORM, "the first release's commit", (messages(since=None),)),
    Case(ready.NEWER_THAN_LIVE, f"newer than {BEFORE}"),
    Case(ready.NEWER_THAN_LIVE, "is already live", (), context(previous=TAG)),
    Case(ready.NEWER_THAN_LIVE, "no live version to compare", (), context(**FIRST_DEPLOY)),
    Case(ready.NEWER_THAN_LIVE, "no live version to compare", (), context(previous="by-hand")),
    Case(ready.WAY_BACK, "nothing to roll back to", (f.Retained(TAG, False),), context(**FIRST_DEPLOY)),
    Case(ready.WAY_BACK, "rollback to v0.5.0-l9 is ready: image bbbbbbbbbbbb"),
    Case(slot.IMAGE_READY, "image dddddddddddd of commit cccccccccccc, 150 MB"),
    Case(attested.ATTESTED_HERE, "fix, sim, cov, oracle passed on tree eeeeeeeeeeee, attested by ada@example.com"),
    Case(attested.ATTESTED_ON_HOST, "attested by ada@example.com", (), ATTESTATION_REQUIRED),
    Case(attested.ATTESTED_ON_HOST, "is not required", (NOT_ATTESTED,)),
    Case(attested.ATTESTED_ON_HOST, "is not required", (replace(NOT_ATTESTED, unseen=True),)),
    Case(slot.IMAGE_READY, "image none of commit", (f.Image("", COMMIT),)),
    Case(slot.SERVICES_UP, "migrate, postgres running"),
    Case(slot.SERVICES_UP, "no other services", (f.Services({}),)),
    Case(slot.HEALTHY_IN_TIME, "first healthy answer 1.0 s after launch"),
    Case(slot.HEALTHY_FOR_SOAK, "healthy for 99.0 s without a break, 2 probes"),
    Case(slot.ENGINE_HEALTH, "no healthcheck", (slots(new={"health": None}),)),
    Case(slot.ENGINE_HEALTH, "no healthcheck", (slots(new={"health": "none"}),)),
    Case(slot.ENGINE_HEALTH, "not started by this run", (slots(new={"health": "unhealthy"}),),
         context(wake=SlotStatus.PAUSED)),
    Case(slot.ENGINE_HEALTH, "not started by this run", (slots(new={"health": "unhealthy"}),),
         context(wake=SlotStatus.RUNNING)),
    Case(slot.LOGS_STAY_CLEAN, "inconclusive: cut short", (logs(Outcome.INCONCLUSIVE, "cut short"),)),
    Case(steady.LIVE_LOG_CLEAN, "the rest is too long to read at once", (replace(GOOD[Logs], at=0.0),)),
    Case(slot.LOGS_CLEAN, "no error of its own; after the wake WORKER TIMEOUT, which ended", (NOISE_BEFORE,)),
    Case(slot.HEALTHY_FOR_SOAK, "healthy for 3.0 s", (Health(replace(STREAK, healthy_since=NOW - 3)),), FROZEN),
    Case(slot.SMOKE_PASSED, "green answers, smoke 1 of 1"),
    Case(slot.SMOKE_PASSED, "green answers, no smoke requests are configured", (Smoke(()),)),
    Case(slot.NEW_SLOT_UP, "restarting in green", (slots(new={"status": "restarting"}),)),
    Case(slot.NEW_SLOT_UP, "exited in green", (slots(new={"status": "exited"}),)),
    Case(slot.NEW_SLOT_STEADY, "running, no restart", (slots(new={"restarts": 2, "oom_killed": True}),),
         context(woken_restarts=2, woken_oom=True)),
    Case(slot.NEW_SLOT_STEADY, "running, no restart", context=context(State.GREEN_HEALTHY, now=ENTERED)),
    Case(live.FEW_SERVER_ERRORS, "30 s, 1000 answers, 1 error", (f.Traffic(1000, 1),)),
    Case(live.FEW_SERVER_ERRORS, "30 s, 1000 answers, 0 errors", (f.Traffic(1000, 0),)),
    Case(live.FEW_SERVER_ERRORS, "30 s, 3 answers: inconclusive, at least 20 needed", (f.Traffic(3, 3),)),
    Case(live.ANSWERS_STAY_GOOD, "60 rounds of health and smoke"),
    Case(live.ANSWERS_STAY_GOOD, "9 rounds", (Bake(9, (PROBE_FAILED,), at=NOW),)),
    Case(live.ANSWERS_STAY_GOOD, "0 rounds", (Bake(0, ()),), context(config=settings(bake={"seconds": 0}))),
    Case(back.BACK_HEALTHY, "1040 answers, none failed", (), SENT_BACK),
    Case(back.BACK_HEALTHY, "20 of 1040 answers failed", (Watch(40, (), f.Traffic(1000, 20)),), SENT_BACK),
    Case(back.BACK_HEALTHY, "3 of 43 answers failed", (Watch(40, (), f.Traffic(3, 3)),), SENT_BACK),
    Case(back.BACK_HEALTHY, "1 of 40 answers failed: POST", (Watch(40, (PROBE_FAILED,)),), SENT_BACK),
    Case(back.BACK_HEALTHY, "users never left the release", (Watch(),)),
    Case(back.BACK_HEALTHY, "nothing was live before", (Watch(),), FIRST_SENT_BACK),
    Case(back.BACK_HEALTHY, "not watched", (Watch(),),
         replace(SENT_BACK, settings=settings(bake={"after_rollback": 0}))),
    Case(live.DRAINED, "no request in flight on blue after 100.0 s"),
    Case(live.DRAINED, "all requests on blue have ended, 4 streams are still open", (InFlight(0, 4, quiet=3),)),
    Case(live.DRAINED, "nothing to drain", (InFlight(9),), context(**FIRST_DEPLOY)),
    Case(live.DRAINED, "no request in flight on green after 100.0 s", (), SENT_BACK),
    Case(live.DRAINED, "no request in flight on green", (), FIRST_SENT_BACK),
    Case(guard.TARGET_ANSWERS, f"{TAG} in green: status 200"),
    Case(guard.TARGET_ANSWERS, f"{BEFORE} in blue: status 200", (), SENT_BACK),
    Case(guard.TARGET_ANSWERS, "no slot to probe", (Target(None),), FIRST_SENT_BACK),
    Case(guard.TARGET_ANSWERS, f"both slots are unhealthy: using {BEFORE}", (target(other=PROBE_FAILED),), SENT_BACK),
    Case(guard.SLOT_IDLE, "public traffic goes to blue", (Route(Slot.BLUE), FROM_BLUE), acting(REMOVE)),
    Case(guard.SLOT_IDLE, "public traffic never went to green", (Route(Slot.BLUE), HUNG), acting(REMOVE, steps=())),
    Case(guard.SLOT_IDLE, "the router is away", (Route(Slot.BLUE), AWAY), acting(REMOVE)),
    Case(guard.SLOT_IDLE, "no other slot", (), acting(REMOVE, FIRST_SENT_BACK)),
    Case(guard.SLOT_UNUSED, "users are not on green", (FROM_BLUE,), acting(EVICT)),
    Case(guard.SLOT_UNUSED, "users are not on green", (HUNG,), acting(EVICT)),
    Case(guard.SLOT_UNUSED, "users are not on green", (), acting(EVICT, FIRST_SENT_BACK)),
    Case(guard.TREE_UNUSED, f"{TAG} is in no slot", (slots(new={"release": None}),)),
    Case(guard.STANDBY_WARM, "blue is healthy again after 5.0 s", (), EARLY),
    Case(guard.STANDBY_WARM, "blue is not running", (SICK_STANDBY, slots(old={"status": "paused"})), EARLY),
    Case(guard.STANDBY_WARM, "the old slot is not running", (SICK_STANDBY,), context(**FIRST_DEPLOY)),
    Case(guard.STANDBY_WARM, "not healthy within 60 s: pausing it anyway", (SICK_STANDBY,), after(DEADLINE)),
    Case(live.FEW_SERVER_ERRORS, "1000 answers, 20 errors", (f.Traffic(1000, 20),)),
    Case(live.ANSWERS_STAY_GOOD, "60 rounds", (Bake(60, (), at=ENTERED + 30),)),
    Case(live.DRAINED, "grace period of 30 s is over", (InFlight(2),), after(30)),
    Case(slot.HEALTHY_FOR_SOAK, "healthy for 10.0 s", (Health(replace(STREAK, healthy_since=NOW - SOAK)),)),
    Case(slot.LOGS_CLEAN, "no error of its own", (replace(GOOD[Logs], at=ENTERED + 1),)),
    Case(steady.DRIFT_WATCHED, "0 differences 120 min ago", (f.DriftCheck(NOW - 2 * 3600),)),
    Case(live.DRAINED, "grace period of 30 s is over with 2 requests open on blue", (InFlight(2),)),
    Case(live.DRAINED, "grace period of 30 s is over with an unknown number of", (InFlight(None),)),
    Case(live.DRAINED, "with 0 requests open on blue, 1 connections past the router", (InFlight(0, direct=1),)),
    Case(ready.ENV_COMPLETE, "resolved from .env.production",
         (Environment("/opt/l9/.env", exists=True, resolved=True),), SOURCED),
    Case(env.ENV_DOCUMENTED, "8 keys, including every", (example(lacking=(replace(READ, default=True),)),)),
    Case(env.ENV_DOCUMENTED, "not valid Python: old.py", (example(unread=("old.py",)),)),
    Case(env.ENV_DOCUMENTED, "reads no variable", (example(exists=False),)),
    Case(env.ENV_SOURCE, "2 references and 1 plain", (source(),)),
    Case(ready.ENV_PUT_BACK, "as it was before the run", (), PUT_ENV_BACK),
    Case(ready.ENV_PUT_BACK, "the run did not change /opt/l9/.env", (), SWITCHED),
    Case(ready.SITE_READY, "the route answers, active slot green"),
    Case(ready.SITE_READY, "accepts requests; green behind it does not answer", (Site(hangs=Slot.GREEN),)),
    Case(ready.WAY_BACK, f"{BEFORE} is deployed again", (), context(tag=BEFORE)),
    Case(ready.NEWER_THAN_LIVE, "no live version to compare", (), context(tag="by-hand")),
    Case(ready.DISK_FREE, "9000 MB free"),
    Case(ready.DISK_FREE, "MB free", (replace(GOOD[f.Host], disk_free=CONFIG.needs.disk),)),
    Case(ready.MEMORY_FREE, "2000 MB available"),
    Case(ready.MEMORY_FREE, "MB available", (replace(GOOD[f.Host], memory_available=CONFIG.needs.memory),)),
    Case(env.ENV_SCHEMA, "no .env.example", (example(exists=False),)),
    Case(live.OLD_STANDS_BY, "no old slot", context=context(**FIRST_DEPLOY)),
    Case(live.OLD_STANDS_BY, "nothing absent in blue", (slots(old={"status": "absent", "release": None}),)),
    Case(live.PREVIOUS_LIVE, f"5 answers in a row from blue with {BEFORE}",
         (Route(Slot.BLUE), Proof(5, "blue", BEFORE)), SWITCHED),
    Case(live.PREVIOUS_LIVE, f"users never left {BEFORE} in blue",
         (Route(Slot.BLUE), Proof(0, None, None)), ROLLING_BACK),
    Case(live.PREVIOUS_LIVE, "nothing was live before", context=context(**FIRST_DEPLOY)),
    Case(live.NEW_SLOT_GONE, "is not running in green", (slots(new={"release": BEFORE}),)),
    Case(live.NEW_SLOT_GONE, "is not running in green", (slots(new={"status": "exited"}),)),
    Case(live.PREVIOUS_LIVE, "nothing was live before", context=context(old=None)),
    Case(live.PREVIOUS_LIVE, "nothing was live before", context=context(previous=None)),
    Case(live.OLD_STANDS_BY, f"{BEFORE} paused in blue", (slots(old={"status": "paused"}),)),
    Case(live.FEW_SERVER_ERRORS, "1000 answers, 2 errors", (f.Traffic(1000, 2),)),
)  # fmt: skip

# What a deploy itself makes true.
BEFORE_THE_PUSH = (
    Case(repository.TAG_NEWER, "HEAD has no release tag yet", (), context(tag="")),
    Case(cgmp.FIX_PASSED, "FIX has not run", (replace(REPORT, stages=()),)),
    Case(cgmp.API_FITS_VERSION, "ORACLE has not run", (replace(REPORT, stages=()),)),
    Case(cgmp.IMAGE_MATCHES_LOCK, "ORACLE has not run", (replace(REPORT, stages=()),)),
    Case(cgmp.CGMP_THIS_TREE, "not green yet: FIX, SIM, COV, ORACLE", (replace(REPORT, stages=()),)),
    Case(
        cgmp.CGMP_THIS_TREE,
        "not green yet: SIM",
        (REPORT.with_(red(Stage.SIM).stages[0]),),
    ),
    Case(repository.TAG_ON_ORIGIN, "no such tag on origin yet", (Origin("url"),)),
    Case(repository.TAG_ON_ORIGIN, "no such tag on origin yet", (Origin("url"), f.Tag(TAG))),
    Case(repository.MAIN_ON_ORIGIN, "not on origin/main yet", (Origin("url", "a" * 40),)),
    Case(ready.ENV_COMPLETE, "a deploy does it", context=SOURCED),
)

PENDING = (
    Case(slot.HEALTHY_IN_TIME, "connection refused", (Health(NOT_YET),), EARLY),
    Case(slot.HEALTHY_FOR_SOAK, "connection refused", (Health(NOT_YET),), EARLY),
    Case(slot.HEALTHY_FOR_SOAK, "healthy for 4.0 of 10 s", context=EARLY),
    Case(slot.HEALTHY_FOR_SOAK, "status 503", (Health(STREAK.add(Sample(NOW, False, "status 503"))),), EARLY),
    Case(slot.ENGINE_HEALTH, "reports starting", (slots(new={"health": "starting"}),), EARLY),
    Case(slot.LOGS_CLEAN, "reading the log", (Health(NOT_YET),)),
    Case(slot.LOGS_CLEAN, "reading the log", (replace(GOOD[Logs], at=ENTERED),), EARLY),  # read before it came up
    Case(slot.LOGS_CLEAN, "woken with WORKER TIMEOUT", (replace(NOISE_NOW, noise_at=ENTERED + 4),), EARLY),
    Case(slot.LOGS_CLEAN, "woken with WORKER TIMEOUT", (NOISE_BEFORE, Health(NOT_YET)), EARLY),
    Case(slot.HEALTHY_FOR_SOAK, "healthy for 1.0 of 2 s", (Health(replace(STREAK, healthy_since=NOW - 1)),), FROZEN),
    Case(slot.LOGS_STAY_CLEAN, "watched for 5 of 30 s", context=EARLY),
    Case(slot.NEW_SLOT_STEADY, "watched for 5 of 30 s", context=EARLY),
    Case(live.ROUTE_PROVED, "2 of 5 answers from green", (Proof(2, "green", TAG),), EARLY),
    Case(live.ROUTE_PROVED, "2 of 5 answers from green", (Proof(2, "green", TAG, lost=True),), EARLY),
    Case(live.ROUTE_PROVED, "4 of 5 answers from green", (Proof(4, "green", TAG),)),  # slow, and right
    Case(live.FEW_SERVER_ERRORS, "watched for 5 of 30 s", context=EARLY),
    Case(live.FEW_SERVER_ERRORS, "watched for 5 of 30 s", (f.Traffic(3, 3),), EARLY),
    Case(guard.SLOT_IDLE, "timed out", (Route(Slot.BLUE), HUNG), acting(REMOVE, SENT_BACK_NOW)),
    Case(guard.SLOT_IDLE, "timed out", (Route(Slot.BLUE), HUNG), acting(REMOVE, after(PROOF_DEADLINE, SENT_BACK))),
    Case(guard.SLOT_IDLE, "although the route", (Route(Slot.BLUE),), acting(REMOVE, after(PROOF_DEADLINE, SENT_BACK))),
    Case(live.ROUTE_STAYS, "from blue", (FROM_BLUE,), after(PROOF_DEADLINE)),
    Case(live.ROUTE_PROVED, "0 of 5 answers", (Proof(0, "blue", BEFORE),), after(PROOF_DEADLINE)),
    Case(slot.HEALTHY_IN_TIME, "connection refused", (Health(NOT_YET),), after(DEADLINE)),
    Case(slot.HEALTHY_FOR_SOAK, "connection refused", (Health(NOT_YET),), after(DEADLINE + SOAK)),
    Case(slot.ENGINE_HEALTH, "reports starting", (slots(new={"health": "starting"}),), after(DEADLINE)),
    Case(slot.LOGS_CLEAN, "reading the log", (replace(GOOD[Logs], at=ENTERED),), after(DEADLINE + SOAK)),
    Case(slot.LOGS_CLEAN, "woken with", (replace(NOISE_NOW, noise_at=ENTERED + 69),), after(DEADLINE + SOAK)),
    Case(guard.SLOT_IDLE, "although the route names blue", (Route(Slot.BLUE),), acting(REMOVE, SENT_BACK_NOW)),
    Case(live.ROUTE_STAYS, "from blue", (FROM_BLUE,), EARLY),
    Case(live.ANSWERS_STAY_GOOD, "from blue", (Bake(60, (PROBE_FAILED,), "status 200 from blue"),)),
    Case(live.ANSWERS_STAY_GOOD, "last round", (Bake(60, (), at=ENTERED + 29.9),)),
    Case(live.ANSWERS_STAY_GOOD, "first round", (Bake(0, ()),)),
    Case(back.BACK_HEALTHY, f"{BEFORE} is live in blue; 1 of 20 answers failed",
         (Watch(20, (PROBE_FAILED,)),), BACK_SINCE_NOW),
    Case(back.BACK_HEALTHY, f"{BEFORE} is live in blue; 0 answers", (Watch(),), SENT_BACK),
    Case(live.ANSWERS_STAY_GOOD, "watched for 5 of 30 s", context=EARLY),
    Case(live.DRAINED, "2 requests in flight on blue", (InFlight(2),), EARLY),
    Case(live.DRAINED, "0 requests in flight on blue", (InFlight(0, quiet=2),), EARLY),
    Case(live.DRAINED, "0 requests in flight on blue, 2 connections past the router", (InFlight(0, direct=2),), EARLY),
    Case(live.DRAINED, "1 requests in flight on green", (InFlight(1),), SENT_BACK_NOW),
    Case(live.DRAINED, "2 requests in flight on blue", (InFlight(2, quiet=3),), EARLY),
    Case(guard.TARGET_ANSWERS, "status 500", (target(),), context(now=ENTERED + 1)),
    Case(guard.TARGET_ANSWERS, "status 500", (target(started=NOW, other=PROBE_FAILED),), SENT_BACK_NOW),
    Case(guard.TARGET_ANSWERS, "status 500", (target(started=NOW - 10),), RESUMED),
    Case(guard.STANDBY_WARM, "status 500", (SICK_STANDBY,), EARLY),
    Case(live.DRAINED, "an unknown number of requests in flight on blue", (InFlight(None),), EARLY),
)  # fmt: skip


def strict(invariant: Invariant) -> Invariant:
    """Whatever its weight, what it says of the facts."""
    return replace(invariant, weight=Weight.HARD)


def judged(case: Case) -> Pass | Fail | Unknown | Pending:
    return strict(case.invariant).judge(facts(*case.changed), case.context)


@pytest.mark.parametrize("invariant", ALL, ids=by_id)
def test_it_passes_when_all_is_well(invariant: Invariant) -> None:
    verdict = invariant.judge(facts(*OF_THE_WAY_BACK.get(invariant.id, ())), context())
    assert isinstance(verdict, Pass), verdict
    assert verdict.found


@pytest.mark.parametrize("case", PASSES, ids=case_id)
def test_it_passes_and_says_what_it_saw(case: Case) -> None:
    verdict = judged(case)
    assert isinstance(verdict, Pass), verdict
    assert case.says in verdict.found


@pytest.mark.parametrize("case", PENDING, ids=case_id)
def test_it_waits_while_nothing_is_decided(case: Case) -> None:
    verdict = judged(case)
    assert isinstance(verdict, Pending), verdict
    assert case.says in verdict.found
    assert 0 <= verdict.done <= max(verdict.total, verdict.done)


@pytest.mark.parametrize(
    "case",
    [
        Case(slot.LOGS_CLEAN, "cut short", (logs(Outcome.INCONCLUSIVE, "cut short"),)),
        Case(slot.LOGS_CLEAN, "cut short", (logs(Outcome.INCONCLUSIVE, "cut short"),), EARLY),
        Case(slot.LOGS_CLEAN, "the log grows faster", (replace(GOOD[Logs], at=0.0),)),
        Case(steady.LIVE_LOG_CLEAN, "cut short", (logs(Outcome.INCONCLUSIVE, "cut short"),)),
    ],
    ids=case_id,
)
def test_a_log_that_was_not_seen_whole_is_not_clean(case: Case) -> None:
    verdict = judged(case)
    assert isinstance(verdict, Unknown), verdict
    assert not verdict.not_yet
    assert case.says in verdict.reason


OF_THE_HOST = Environment("/opt/l9/.env", True, ("MEMORY_DSN",))


@pytest.mark.parametrize(
    ("case", "expected", "remedy"),
    [
        (Case(ready.ENV_COMPLETE, "", (OF_THE_HOST,)),
         "every key of .env.example in /opt/l9/.env", "$EDITOR /opt/l9/.env"),
        (Case(ready.ENV_COMPLETE, "", (replace(OF_THE_HOST, resolved=True),), SOURCED),
         "every key of .env.example in .env.production", "$EDITOR .env.production"),
        (Case(ready.CHECKOUT_UNEDITED, "", (Checkout("/opt/l9", tuple("abcdefg")),)),
         "a live checkout identical to its tag", "git -C /opt/l9 stash push -- a b c d e"),
        (Case(ready.DISK_FREE, "", (replace(GOOD[f.Host], disk_free=5_000_000),)),
         f"{CONFIG.needs.disk // 1_000_000} MB of disk free", "docker system df"),
        (Case(ready.MEMORY_FREE, "", (replace(GOOD[f.Host], memory_available=5_000_000),)),
         f"{CONFIG.needs.memory // 1_000_000} MB of memory available", "free -m"),
        (Case(ready.NEWER_THAN_LIVE, "", (), context(previous="v0.6.0-l9")),
         "a release newer than v0.6.0-l9, which is live", "l9 check --explain host.newer-than-live"),
        (Case(ready.NEWER_THAN_LIVE, "", (), context(previous="v0.6.0-l9", was_good=True)),
         "a release newer than v0.6.0-l9, which is live", f"l9 rollback {TAG} --rebuild"),
        (Case(ready.NEWER_THAN_LIVE, "", (), context(previous="v0.6.0-l9", was_good=True, kept=(TAG,))),
         "a release newer than v0.6.0-l9, which is live", f"l9 rollback {TAG}"),
    ],
)  # fmt: skip
def test_what_is_lacking_and_where_to_mend_it(case: Case, expected: str, remedy: str) -> None:
    verdict = judged(case)
    assert isinstance(verdict, Fail)
    assert (verdict.expected, verdict.remedy) == (expected, remedy)


NINES, AAS, CCS = "9" * 12, "a" * 12, "c" * 12


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        (Case(live.RECORD_TRUE, ""), (f".deployed-tag says {TAG}, checkout on {CCS}",)),
        (Case(live.RECORD_TRUE, "", (Record(BEFORE, "9" * 40),)), (f"{TAG} on {CCS}", f"{BEFORE} on {NINES}")),
        (Case(slot.IMAGE_READY, "", (f.Image("sha256:d", "9" * 40),)),
         (f"an image of commit {CCS}", f"an image of {NINES}")),
        (Case(ready.TAG_SAME, ""), (f"the same tag object {AAS}, commit {CCS}",)),
        (Case(ready.TAG_SAME, "", (HostTag(tag(object_id="9" * 40)),)), (f"tag object {AAS}", f"{NINES} (moved!)")),
        (Case(ready.TAG_NEVER_MOVED, "", (), context(objects=tuple(digit * 40 for digit in "9876"))),
         (f"{TAG} is {AAS} in every run on record", f"{NINES}, {'8' * 12}, {'7' * 12} in earlier runs (moved!)")),
    ],
    ids=lambda value: case_id(value) if isinstance(value, Case) else "",
)  # fmt: skip
def test_objects_are_shown_by_their_first_twelve_digits(case: Case, verdict: tuple[str, ...]) -> None:
    found = judged(case)
    assert verdict == (
        (found.expected, found.found) if isinstance(found, Fail) else (getattr(found, "found", ""),)
    )


def test_a_wait_says_how_much_of_it_is_over() -> None:
    unhealthy = judged(Case(slot.HEALTHY_FOR_SOAK, "", (Health(NOT_YET),), EARLY))
    assert isinstance(unhealthy, Pending)
    assert (unhealthy.done, unhealthy.total, unhealthy.timed) == (0, SOAK, False)
    reading = judged(Case(slot.LOGS_CLEAN, "", (Health(NOT_YET),)))
    assert reading == Pending("reading the log", 0, 0)
    noisy = judged(Case(slot.LOGS_CLEAN, "", (replace(NOISE_NOW, noise_at=ENTERED + 4),), EARLY))
    assert isinstance(noisy, Pending)
    assert noisy.done == 1.0


def test_answers_are_counted_and_not_timed() -> None:
    proving = judged(Case(live.ROUTE_PROVED, "", (Proof(2, "green", TAG),)))
    assert isinstance(proving, Pending)
    assert (proving.done, proving.total, proving.timed) == (2, CONFIG.route.proofs, False)
    first = judged(Case(live.ANSWERS_STAY_GOOD, "", (Bake(0, ()),)))
    assert isinstance(first, Pending)
    assert (first.done, first.total, first.timed) == (0, CONFIG.bake.seconds, True)


@pytest.mark.parametrize("case", BEFORE_THE_PUSH, ids=case_id)
def test_it_is_not_so_yet(case: Case) -> None:
    verdict = judged(case)
    assert isinstance(verdict, Unknown), verdict
    assert verdict.not_yet
    assert case.says in verdict.reason
    assert_a_command(verdict.remedy)


@pytest.mark.parametrize("case", [Case(*c) for c in production_cases.NOBODY_COULD_TELL], ids=case_id)
def test_it_cannot_be_told_and_says_what_to_type(case: Case) -> None:
    verdict = judged(case)
    assert isinstance(verdict, Unknown), verdict
    assert not verdict.not_yet
    assert case.says in verdict.reason
    assert verdict.expected
    assert_a_command(verdict.remedy)


@pytest.mark.parametrize("case", FAILS, ids=case_id)
def test_it_fails_and_says_what_to_type(case: Case) -> None:
    verdict = judged(case)
    assert isinstance(verdict, Fail), verdict
    assert case.says in verdict.found
    assert verdict.expected
    assert_a_command(verdict.remedy)


def assert_a_command(remedy: str) -> None:
    """Each part is a program that people have, with no prose in it; ours are called as their help says."""
    assert "\n" not in remedy
    for part in remedy.split(" && "):
        program, *arguments = shlex.split(part)
        assert program in PROGRAMS, remedy
        assert not any(argument.endswith((",", ";")) for argument in arguments), remedy
        if program == "l9":
            assert_it_parses(*arguments)


def assert_it_parses(name: str, *arguments: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None, name
    command.make_context(name, list(arguments))


def test_every_invariant_is_shown_to_fail() -> None:
    assert {case.invariant.id for case in (*FAILS, *BEFORE_THE_PUSH)} == {i.id for i in ALL} - NEVER_FAIL


@pytest.mark.parametrize(
    ("invariant", "kind"),
    [(i, kind) for i in ALL for kind in i.observes],
    ids=lambda value: value.id if isinstance(value, Invariant) else value.__name__,
)
def test_what_nobody_saw_is_unknown(invariant: Invariant, kind: type) -> None:
    verdict = strict(invariant).judge(facts(without=kind), context())
    assert verdict == Unknown("the disk is on fire", "l9 status")


RULE, ADVICE = (replace(workspace.ON_MAIN, weight=weight) for weight in (Weight.RULE, Weight.ADVICE))
ELSEWHERE = Workspace("topic", (), ())


@pytest.mark.parametrize(
    ("invariant", "config", "says"),
    [
        (RULE, settings(check={"waive": {"workspace.on-main": "a fork"}}), "waived (a fork)"),
        (ADVICE, CONFIG, "advice"),
    ],
)
def test_what_closes_nothing_fails_all_the_same(invariant: Invariant, config: Config, says: str) -> None:
    verdict = invariant.judge(facts(ELSEWHERE), context(config=config))
    assert verdict == Fail("branch main checked out", "topic", "git switch main", excused=says)


@pytest.mark.parametrize(
    ("invariant", "config"),
    [
        (workspace.ON_MAIN, settings(check={"waive": {"workspace.on-main": "a fork"}})),
        (RULE, settings(check={"waive": {"workspace.no-untracked-files": "a fork"}})),
        (ADVICE, settings(check={"require": ("workspace.on-main",)})),
    ],
)
def test_what_is_not_waived_closes_its_gate(invariant: Invariant, config: Config) -> None:
    assert isinstance(invariant.judge(facts(ELSEWHERE), context(config=config)), Fail)


def test_what_nobody_saw_can_be_waived_and_advice_too() -> None:
    verdict = ADVICE.judge(facts(without=Workspace), context())
    assert verdict == Unknown("the disk is on fire", "l9 status", excused="advice")
    later = f.Facts({Workspace: f.Unseen("not made yet", not_yet=True)})
    assert ADVICE.judge(later, context()) == Unknown("not made yet", not_yet=True)
    speechless = f.Facts({Workspace: f.Unseen("gone")})
    explain = "l9 check --explain workspace.on-main"
    assert ADVICE.judge(speechless, context()) == Unknown("gone", explain, excused="advice")


def test_a_database_that_only_its_own_host_reaches_closes_nothing() -> None:
    alone = production_cases.database(ports=(production_cases.LOOPBACK,))
    verdict = composed.DATABASE_NOT_PUBLISHED.judge(facts(alone), context())
    assert isinstance(verdict, Fail)
    assert verdict.excused == "advice"


def test_each_has_an_id_a_substrate_a_reason_and_a_clause() -> None:
    assert len({i.id for i in ALL}) == len(ALL)
    for i in ALL:
        assert i.substrate is Substrate(i.id.split(".")[0])
        assert i.observes
        assert i.why
        assert i.clause


def test_what_explains_a_failure_is_taken_along() -> None:
    assert judged(Case(slot.LOGS_CLEAN, "", (BROKEN_LOG,))).log == (
        "Traceback (most recent call last):",
        "ValueError: no",
    )
    dead = Case(slot.HEALTHY_IN_TIME, "", (Health(NOT_YET), slots(new={"status": "absent"}), BROKEN_LOG))
    assert judged(dead).log == ("the last line",)


def test_time_counts_from_the_gates_last_action() -> None:
    run = replace(a_run(), acted_at={State.BAKE: NOW - 3})
    assert Context(run, CONFIG, NOW, State.BAKE).elapsed == 3
    assert Context(run, CONFIG, NOW, State.DRAIN).elapsed == 100
    assert Context(replace(run, entered={}, acted_at={}), CONFIG, NOW, State.BAKE).elapsed == 0
    assert Context(replace(run, resumed_at=NOW - 1), CONFIG, NOW, State.BAKE).elapsed == 1


def test_an_attestation_that_nobody_could_verify_closes_its_gate() -> None:
    unseen = f.Attested(TREE, problem="no ssh-keygen", remedy="l9 provision", unseen=True)
    for invariant in (attested.ATTESTED_HERE, attested.ATTESTED_ON_HOST):
        verdict = invariant.judge(facts(unseen), ATTESTATION_REQUIRED)
        assert isinstance(verdict, Unknown)
        assert (verdict.reason, verdict.remedy) == ("no ssh-keygen", "l9 provision")
        assert "attested" in verdict.expected


def test_facts_that_were_not_looked_for_are_unseen() -> None:
    nothing = f.Facts()
    assert nothing.unseen(f.Tag) == f.Unseen("not observed")
    with pytest.raises(KeyError):
        nothing.the(f.Tag)
    with pytest.raises(KeyError):
        facts(without=f.Tag).the(f.Tag)
    assert facts().unseen(f.Tag) is None
