"""One deploy of v0.5.1-l9 over v0.5.0-l9 in which all is well; the tests change one thing of it at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from l9.checks.api.openapi import ApiChange
from l9.checks.compose import facts as compose_facts
from l9.checks.compose.production import Production, Service
from l9.checks.dependencies import facts as dependencies_facts
from l9.checks.dependencies.locks import read_requirements
from l9.checks.dockerfile import facts as dockerfile_facts
from l9.checks.dockerfile.dockerfile import Base, Recipe
from l9.checks.environment import facts as environment_facts
from l9.checks.git import facts as git_facts
from l9.checks.host import facts as host_facts
from l9.checks.host.health import Sample, Streak
from l9.checks.logs.report import LogReport, Outcome
from l9.checks.pipeline.stages import Base as Before
from l9.checks.pipeline.stages import CgmpReport, StageResult
from l9.checks.secrets import facts as secrets_facts
from l9.config.model import Config, Target
from l9.core import events as ev
from l9.core import facts as f
from l9.core.run import Run, begin
from l9.core.states import Kind, Slot, SlotStatus, Stage, State
from l9.graph import GRAPH

TAG, BEFORE = "v0.5.1-l9", "v0.5.0-l9"
COMMIT, TAG_OBJECT, TREE = "c" * 40, "a" * 40, "e" * 40
NOW = 1000.0
ENTERED = NOW - 100  # when every gate was entered, so that all waiting times are over

STARTED = ev.RunStarted(
    kind=Kind.DEPLOY,
    tag=TAG,
    commit=COMMIT,
    tag_object=TAG_OBJECT,
    new=Slot.GREEN,
    old=Slot.BLUE,
    previous=BEFORE,
    who="ada@laptop",
    good=(BEFORE, "v0.4.0-l9"),
    kept=(BEFORE, "v0.4.0-l9"),
    retained=(TAG, BEFORE, "v0.4.0-l9"),
    tree=TREE,
    config_blob="1" * 40,
)


CONFIG = Config(app="l9-api", name="production", target=Target(host="local"))


def settings(**sections: Mapping[str, Any]) -> Config:
    """The configuration with some keys changed, by section."""
    return replace(
        CONFIG, **{name: replace(getattr(CONFIG, name), **keys) for name, keys in sections.items()}
    )


def started(**changed: Any) -> ev.RunStarted:
    """The start of the deploy, with some fields changed."""
    return ev.RunStarted(**{**{f: getattr(STARTED, f) for f in STARTED.__struct_fields__}, **changed})


def a_run(entered: float = ENTERED, **changed: Any) -> Run:
    """The deploy in mid-run: every gate was entered at `entered`. Fields of the start may be changed."""
    run = begin("run-1", entered, started(**changed))
    return replace(run, entered={row.opens: entered for row in GRAPH})


FIRST_DEPLOY = {"old": None, "previous": None, "good": (), "kept": (), "retained": (TAG,)}

STREAK = Streak().add(Sample(ENTERED + 1, True, "status 200")).add(Sample(NOW, True, "status 200"))
NOT_YET = Streak().add(Sample(ENTERED + 1, False, "connection refused"))
NEW_SLOT = f.SlotState(Slot.GREEN, SlotStatus.RUNNING, TAG, "sha256:" + "d" * 64, ENTERED, health="healthy")
OLD_SLOT = f.SlotState(Slot.BLUE, SlotStatus.RUNNING, BEFORE, "sha256:" + "b" * 64, 0.0)
TAG_SEEN = f.Tag(
    TAG,
    TAG_OBJECT,
    kind="tag",
    commit=COMMIT,
    tree=TREE,
    message=f"Release {TAG}: Fix the deadlock\n\nDetails.",
    tagger="Ada <ada@example.com>",
    on_main=True,
)
MESSAGE = git_facts.CommitMessage(COMMIT, 1, "Fix: Prevent the deadlock\n\nFixes: #1042\n")
BRANCH = git_facts.Branch("feature/lock", "local", "d" * 40, NOW - 100, NOW - 200, ahead=2, behind=1)
HEALTHY = host_facts.SmokeResult("GET /health", "status 200", "status 200", True)
PROBE_FAILED = host_facts.SmokeResult("POST /memory/packet", "status 200", "status 500", False)

BASE = Base(1, "python:3.12.7-slim@sha256:" + "7" * 64)
SLOT = Service(
    "l9-api",
    built=True,
    healthcheck="on",
    stop_grace_period="30s",
    stop_signal="SIGTERM",
    restart="unless-stopped",
)
DATABASE = Service("db", "postgres:16", database=True, restart="always")
GREEN = tuple(StageResult(stage, True, f"pytest {stage}", 12.0, "all well") for stage in Stage)
REPORT = CgmpReport(
    TREE, "0" * 64, "container", "sha256:" + "d" * 64, GREEN,
    freeze=("fastapi==0.104.1", "pip==24.0"), base=Before(BEFORE, "5" * 40, (0, 5, 0)), api=ApiChange("patch"),
)  # fmt: skip

GOOD: Mapping[type, Any] = {
    git_facts.Workspace: git_facts.Workspace("main", (), ()),
    f.Tag: TAG_SEEN,
    git_facts.TreeFiles: git_facts.TreeFiles(12),
    git_facts.Origin: git_facts.Origin("git@example.com:l9.git", TAG_OBJECT, main_has_commit=True),
    git_facts.LastRelease: git_facts.LastRelease(BEFORE, "b" * 40),
    git_facts.Messages: git_facts.Messages(
        BEFORE, (MESSAGE, git_facts.CommitMessage("a" * 40, 2, "Merge pull request #7 from ada/lock\n"))
    ),
    git_facts.Signature: git_facts.Signature("none"),
    git_facts.Branches: git_facts.Branches("main", (BRANCH,)),
    git_facts.Protection: git_facts.Protection("main", "l9's pre-receive hook", "l9 protect github --apply"),
    secrets_facts.Secrets: secrets_facts.Secrets(BEFORE, ()),
    dependencies_facts.Locks: dependencies_facts.Locks(
        {"requirements.txt": read_requirements("fastapi==0.104.1\n")}
    ),
    dependencies_facts.Declared: dependencies_facts.Declared(("4 of pyproject.toml in requirements.txt",)),
    environment_facts.EnvSource: environment_facts.EnvSource(),
    environment_facts.EnvExample: environment_facts.EnvExample(".env.example", exists=True, keys=8),
    dockerfile_facts.Dockerfile: dockerfile_facts.Dockerfile(
        "docker/Dockerfile", Recipe((BASE,), "10001", "on")
    ),
    compose_facts.ComposeFile: compose_facts.ComposeFile("compose.yaml", Production((SLOT,), (DATABASE,))),
    CgmpReport: REPORT,
    git_facts.Hooks: git_facts.Hooks(("pre-commit", "commit-msg", "pre-push")),
    git_facts.Automation: git_facts.Automation(
        ("scripts/deploy.sh", "scripts/rollback.sh", "scripts/drift-check.sh"),
        (".github/workflows/deploy.yml",),
    ),
    f.Host: f.Host("Docker 26.1.5", disk_free=9_000_000_000, memory_available=2_000_000_000),
    host_facts.Checkout: host_facts.Checkout("/opt/l9"),
    environment_facts.Environment: environment_facts.Environment("/opt/l9/.env", exists=True),
    host_facts.HostTag: host_facts.HostTag(TAG_SEEN),
    f.Attested: f.Attested(TREE, "ada@example.com"),
    f.Image: f.Image("sha256:" + "d" * 64, COMMIT, 150_000_000),
    f.Retained: f.Retained(BEFORE, True, "sha256:" + "b" * 64, True, True, True, True),
    f.Slots: f.Slots(blue=OLD_SLOT, green=NEW_SLOT),
    f.Services: f.Services({"postgres": "running", "migrate": "done"}),
    host_facts.Route: host_facts.Route(Slot.GREEN),
    host_facts.Site: host_facts.Site(),
    host_facts.Target: host_facts.Target(HEALTHY),
    host_facts.Standby: host_facts.Standby(HEALTHY),
    host_facts.Health: host_facts.Health(STREAK),
    host_facts.Smoke: host_facts.Smoke(
        (host_facts.SmokeResult("GET /docs", "status 200", "status 200", True),)
    ),
    host_facts.Logs: host_facts.Logs(
        LogReport(Outcome.CLEAN, "7 records, no error of its own", 7), ("started",), at=NOW
    ),
    host_facts.Proof: host_facts.Proof(5, "green", TAG),
    host_facts.Bake: host_facts.Bake(60, (), at=NOW),
    host_facts.Watch: host_facts.Watch(40, (), f.Traffic(answers=1000, server_errors=0)),
    f.Answering: f.Answering(Slot.GREEN, TAG, 200, f"status 200 from green with {TAG}"),
    f.Traffic: f.Traffic(answers=1000, server_errors=1),
    host_facts.InFlight: host_facts.InFlight(0, quiet=3),
    host_facts.Record: host_facts.Record(TAG, COMMIT),
    f.DriftCheck: f.DriftCheck(NOW - 600),
}


def facts(*changed: object, without: type | None = None) -> f.Facts:
    """The good facts with some observations replaced; `without` is one that could not be looked at."""
    seen = {**GOOD, **{type(fact): fact for fact in changed}}
    if without is not None:
        seen[without] = f.Unseen("the disk is on fire", "l9 status")
    return f.Facts(seen)


def slots(*, new: Mapping[str, Any] | None = None, old: Mapping[str, Any] | None = None) -> f.Slots:
    """Both slots, with fields of one or the other changed."""
    return f.Slots(blue=_changed(OLD_SLOT, old or {}), green=_changed(NEW_SLOT, new or {}))


def _changed(slot: f.SlotState, fields: Mapping[str, Any]) -> f.SlotState:
    changed = replace(slot, **fields)
    return replace(changed, status=SlotStatus(changed.status))


def opened(gate: State, *found: str) -> ev.GateOpened:
    """The event of a gate that opened, with evidence."""
    return ev.GateOpened(
        gate=gate, evidence=tuple(ev.Evidence(invariant="host.any", found=text) for text in found)
    )


def entries(*events: ev.AnyEvent, run: str = "run-1") -> list[ev.Entry]:
    """The events as a journal holds them, a second apart."""
    return [
        ev.Entry(seq=number, at=NOW + number, run=run, body=event, prev="")
        for number, event in enumerate(events, 1)
    ]
