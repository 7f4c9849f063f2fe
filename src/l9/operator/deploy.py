"""The operator's part of a deploy: the gates of workspace and repository, and the request to the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import msgspec

from l9 import __version__
from l9.catalogue import Judged, catalogue, judge
from l9.checks.environment.resolved import ResolvedEnv
from l9.checks.environment.schema import read_schema
from l9.checks.git.versions import TagFormat
from l9.config.load import parse_for
from l9.config.model import Config
from l9.core import events as ev
from l9.core import facts as f
from l9.core.invariant import Invariant
from l9.core.preview import JudgedGate, judge_rows
from l9.core.recorder import AfterEntry, Recorder, ignore
from l9.core.run import Run, begin
from l9.core.runner import Runner
from l9.core.states import Kind, Slot, State, Substrate
from l9.core.verdict import Pending
from l9.drivers.files.journal import JournalFile
from l9.drivers.files.lock import LockFile, waiting_for
from l9.drivers.git.repo import GitRepo
from l9.drivers.process.clock import SystemClock
from l9.errors import L9Error, UsageError
from l9.graph import GRAPH
from l9.operator.perform import RepoPerformer
from l9.operator.pipeline.pipeline import Cgmp
from l9.operator.pipeline.tree_under_test import remembered, subject_of
from l9.operator.repo_observer import RepoObserver
from l9.protocol import requests as ask
from l9.protocol.caller import check_name, new_run_id, whoami

OnEntry = Callable[[ev.Entry], None]


class OperatorPart(msgspec.Struct, frozen=True):
    """The result of the operator's part: the run, and its events for the host's journal."""

    run: Run
    events: tuple[ev.AnyEvent, ...]


def preview_of(repo: GitRepo, config: Config, tag: str) -> ask.Preview:
    """Return the environment rules of a release that is not on the host yet, from the tag's own files."""
    own = tag_config(repo, config, tag) if tag else config
    example = repo.read(tag, own.env.example)
    return ask.Preview(
        env_file=own.env.file,
        env_rules=read_schema(example or "").rules,
        env_source=config.env.source,
    )


def tag_config(repo: GitRepo, config: Config, tag: str) -> Config:
    """Read this target's configuration from the tag's own `l9.toml`. Raises UsageError, ConfigError."""
    text = repo.read(tag, repo.config_path)
    if text is None:
        raise without_settings(repo, tag)
    return parse_for(text, config.name)


def without_settings(repo: GitRepo, tag: str) -> UsageError:
    """Return the error for a tag without an `l9.toml`."""
    return UsageError(
        f"{tag} has no {repo.config_path}",
        expected=f"{repo.config_path} in the tag's tree",
        found="no such file",
        remedy="l9 init",
    )


def run_operator_gates(
    repo: GitRepo,
    config: Config,
    tag_name: str,
    *,
    on_entry: OnEntry,
    watch: Callable[[State, Pending], None],
    say: Callable[[str], None],
    tell: Callable[[str], None] = lambda _text: None,
    until: State | None = None,
    wait: float = 0.0,
    again: bool = False,
    after_entry: AfterEntry = ignore,
) -> OperatorPart:
    """Run the gates of workspace and repository for a tag; the run is finished if one of them closed.

    With `until` the run stops when that gate is open. Waits up to `wait` seconds for another run in this working
    copy, and reports that to `tell`; `say` receives each line of long output. again: earlier outcomes of stages are
    ignored. after_entry: called with every entry that this side writes, once it is on disk; its failures never reach
    the run.
    Raises UsageError for an invalid release name, Locked while another run is active in this working copy.
    """
    check_name(tag_name, config)
    if config.release.require_attestation:
        with suppress(L9Error):  # the push reports an unreachable origin; the gate, a missing attestation
            repo.notes.merge_remote()
    clock = SystemClock()
    started = _started(repo, config, tag_name)
    if started.commit and not started.config_blob:
        raise without_settings(repo, tag_name)
    run_id = new_run_id(clock.now())
    lock = LockFile(repo.state() / "lock")
    journal = JournalFile(repo.state() / "journal.jsonl", clock.now)
    record = Recorder(journal, after_entry, tell)
    events: list[ev.AnyEvent] = []

    def append(run: str, event: ev.AnyEvent) -> ev.Entry:
        entry = record(run, event)
        events.append(event)
        on_entry(entry)
        return entry

    if wait and (held := lock.holder()) is not None:
        tell(waiting_for(held, wait))
    lock.take(whoami(), f"the local gates of {tag_name}", wait)
    try:
        entry = append(run_id, started)
        with Cgmp(repo, config, subject_of(repo, config, tag_name), say, again=again) as cgmp:
            runner = Runner(
                graph=GRAPH,
                settings=config,
                clock=clock,
                observe=RepoObserver(repo, lambda _tag: cgmp.report),
                perform=RepoPerformer(repo.push, cgmp.run),
                append=append,
                watch=watch,
                where=(Substrate.WORKSPACE, Substrate.REPOSITORY),
                until=lambda run: until in run.opened,
            )
            run = runner.drive(begin(run_id, entry.at, started))
    finally:
        lock.free()
    return OperatorPart(run, tuple(events[1:]))


def _started(repo: GitRepo, config: Config, tag_name: str) -> ev.RunStarted:
    """Return the first entry of a deploy, as the operator's side knows it; the host decides on slots."""
    tag = repo.tag(tag_name)
    return ev.RunStarted(
        kind=Kind.DEPLOY,
        tag=tag_name,
        commit=tag.commit,
        tag_object=tag.object_id or "",
        new=Slot.BLUE,
        old=None,
        previous=None,
        who=whoami(),
        version=__version__,
        tree=tag.tree,
        config_blob=repo.blob(tag_name, repo.config_path) if tag.commit else "",
    )


def release_at_head(repo: GitRepo, config: Config) -> str | None:
    """Return the release tag at HEAD, the highest version of several, or None."""
    form = TagFormat(config.release.tag)
    versions = [v for v in map(form.parse, repo.tags_at_head()) if v is not None]
    return max(versions).tag if versions else None


def plan_operator_gates(repo: GitRepo, config: Config, tag_name: str) -> tuple[Run, tuple[JudgedGate, ...]]:
    """Judge the gates of workspace and repository for a tag; nothing is run, pushed or written."""
    check_name(tag_name, config)
    run, now = _begun(repo, config, tag_name)
    rows = GRAPH.of(Kind.DEPLOY, Substrate.WORKSPACE, Substrate.REPOSITORY)
    return run, judge_rows(rows, run, observer(repo, config), config, now)


def judge_repository(
    repo: GitRepo,
    config: Config,
    tag_name: str,
    where: tuple[Substrate, ...],
    *,
    whole_history: bool = False,
) -> tuple[Run, list[Judged]]:
    """Judge every invariant of these substrates on one observation; nothing is run, pushed or written.

    `tag_name` is empty for what HEAD would release. Returns the run that a deploy would begin as (its commit
    is empty before the first commit) and the verdicts in the table's order. `whole_history`: scan every commit for
    secrets. Raises UsageError for an invalid release name.
    """
    if tag_name:
        check_name(tag_name, config)
    run, now = _begun(repo, config, tag_name)
    wanted = catalogue(*where) if where else ()
    observe = observer(repo, config, whole_history=whole_history)
    facts = observe(run, frozenset(kind for need in wanted for kind in need.observes))
    return run, [judge(need, run, facts, now, config) for need in wanted]


def judge_head(
    repo: GitRepo, config: Config, needs: list[Invariant], given: Mapping[type, object]
) -> list[Judged]:
    """Judge these invariants on what HEAD would release; `given` holds facts that were observed already."""
    run, now = _begun(repo, config, "")
    kinds = frozenset(kind for need in needs for kind in need.observes)
    observed = observer(repo, config)(run, kinds.difference(given)).seen
    facts = f.Facts({**observed, **given})
    return [judge(need, run, facts, now, config) for need in needs]


def observer(repo: GitRepo, config: Config, *, whole_history: bool = False) -> RepoObserver:
    """Return the observer of a working copy that reports remembered stages and runs none."""
    return RepoObserver(repo, partial(remembered, repo, config), whole_history=whole_history)


def _begun(repo: GitRepo, config: Config, tag_name: str) -> tuple[Run, float]:
    """Begin a read-only run; return it with its start time (seconds since the epoch)."""
    now = SystemClock().now()
    return begin(new_run_id(now), now, _started(repo, config, tag_name)), now


def claim_of(repo: GitRepo, run: Run) -> ask.ReleaseClaim:
    """Return the ids of a run's release in this clone. Raises UsageError for a tag without `l9.toml`."""
    if not run.config_blob:
        raise without_settings(repo, run.tag)
    return ask.ReleaseClaim(
        tag=run.tag,
        commit=run.commit,
        tag_object=run.tag_object,
        tree=run.tree,
        config_blob=run.config_blob,
    )


def to_host(
    repo: GitRepo,
    part: OperatorPart,
    env: ResolvedEnv | None = None,
    *,
    wait: float = 0.0,
    again: bool = False,
    rebuild: bool = False,
) -> ask.Deploy:
    """Return the request that hands a run over to the host, with the environment that was resolved for it."""
    run = part.run
    return ask.Deploy(
        run=run.id,
        release=claim_of(repo, run),
        claims=part.events,
        env=env,
        wait=wait,
        again=again,
        rebuild=rebuild,
    )
