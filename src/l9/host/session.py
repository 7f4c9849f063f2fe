"""One host as the agent works on it: its journal, its lock, its ports, and the runs on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import msgspec
from msgspec.structs import replace

from l9 import __version__
from l9.checks.environment.ports import Env
from l9.checks.environment.resolved import ResolvedEnv
from l9.checks.environment.schema import Rule
from l9.config.layout import Layout
from l9.config.model import Config
from l9.config.settings import ReleaseEnv, ReleaseSettings, ServerSettings, host_config, tightened
from l9.core import events as ev
from l9.core.recorder import AfterEntry, Recorder, ignore
from l9.core.run import Run, begin, fold
from l9.core.runner import Runner
from l9.core.slot_plan import plan_slots, previous_good
from l9.core.standby import end_of_standby, interrupted_stop
from l9.core.states import Kind, State, Substrate
from l9.core.verdict import Pending
from l9.drivers.files.journal import JournalFile
from l9.drivers.files.lock import LockFile
from l9.errors import ActionError, L9Error, UsageError
from l9.graph import GRAPH
from l9.host.observe import HostObserver, HostPorts, Together, one_by_one
from l9.host.perform import HostPerformer

Connect = Callable[[Config], HostPorts]
Watch = Callable[[State, Pending], None]
Say = Callable[[str], None]


def handed_over(run: Run) -> bool:
    """Whether all gates before the host's are on record: one that died while they were written down cannot go on."""
    return all(
        row.opens in run.opened for row in GRAPH.of(run.kind, Substrate.WORKSPACE, Substrate.REPOSITORY)
    )


def _applies(run: Run) -> tuple[str | None, bool]:
    """Whose settings a run goes by; when it changes, the host's ports are made for the new ones."""
    return run.settings_of, run.settings_read


def _of_the_operator(event: ev.AnyEvent) -> ev.AnyEvent:
    """An event that the operator's side may claim: of its own gates. Raises UsageError for any other."""
    own = {row.opens for row in GRAPH.of(Kind.DEPLOY, Substrate.WORKSPACE, Substrate.REPOSITORY)}
    gate = getattr(event, "gate", None)
    if gate in own:
        return event
    raise UsageError(
        "the run cannot be taken over",
        expected="events of the gates before the host's",
        found=f"{type(event).__name__} of {gate or 'no gate'}",
        remedy="l9 status",
    )


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a new run. `claims` are events of the gates before the host's, as the operator tells them.

    `env` is the environment that the operator resolved. It is staged, and never journalled.
    """

    commit: str
    tag_object: str
    tree: str = ""
    config_blob: str = ""
    claims: tuple[ev.AnyEvent, ...] = ()
    env: ResolvedEnv | None = None
    reason: str = ""
    rebuild: bool = False


def for_rollback(config: Config) -> Config:
    """The same, for a release that was good before: an answer is asked of it, not a soak and a bake again."""
    return replace(
        config,
        health=replace(config.health, soak=0.0),
        bake=replace(config.bake, seconds=0.0),
        route=replace(config.route, proofs=min(config.route.proofs, 3)),
    )


class HostSession:
    """Begins, resumes and recovers runs on one host. Only the holder of the lock may call what writes.

    `connect` makes the host's ports for a configuration: the server's settings, and those of the release that the
    work is about. `after_entry` is called with each journal entry once it is on disk; its failures never
    reach a run.
    """

    def __init__(
        self,
        server: ServerSettings,
        layout: Layout,
        connect: Connect,
        who: str,
        watch: Watch,
        say: Say,
        *,
        journal: JournalFile | None = None,
        lock: LockFile | None = None,
        together: Together = one_by_one,
        after_entry: AfterEntry = ignore,
    ) -> None:
        self.server = server
        self.layout = layout
        self.connect = connect
        base = connect(host_config(server))
        self._store = base.settings
        self.journal = journal or JournalFile(layout.journal, base.clock.now)
        self.lock = lock or LockFile(layout.lock)
        self._append = Recorder(self.journal, after_entry, say)
        self._who = who
        self._watch = watch
        self._say = say
        self.together = together

    # ── configuration ────────────────────────────────────────────────────────────────────────────

    @cached_property
    def config(self) -> Config:
        """The configuration of the release that the record says is live."""
        done = self.finished()
        return self.config_of(done.live if done else None)

    @cached_property
    def ports(self) -> HostPorts:
        """The host's ports, for the release that the record says is live."""
        return self.connect(self.config)

    def config_of(self, release: str | None) -> Config:
        """The server's settings with those that were kept of a release."""
        kept = self._store.of(release) if release else None
        return host_config(self.server, kept.settings if kept else None)

    def config_for(self, run: Run) -> Config:
        """The configuration that a run is judged by now: `Run.settings_of`, and what its tag asks for in addition."""
        mine = self._store.of(run.tag) if run.settings_read else None
        server = tightened(self.server, mine.settings) if mine else self.server
        kept = self._store.of(run.settings_of) if run.settings_of else None
        return host_config(server, kept.settings if kept else None)

    def env_rules(self, run: Run) -> tuple[Rule, ...]:
        """The rules of the environment file that the run's release documents."""
        kept = self._store.of(run.tag)
        return kept.env_rules if kept else ()

    # ── what the journal says ────────────────────────────────────────────────────────────────────

    def last(self) -> Run | None:
        """The newest run, finished or not."""
        return fold(self.journal.last_run())

    def finished(self) -> ev.RunFinished | None:
        """How the newest finished run ended: what is live, what stands by."""
        entry = self.journal.last_finished()
        return entry.body if entry and isinstance(entry.body, ev.RunFinished) else None

    def env_in(self, file: str) -> Env:
        """The environment file of a release whose settings were not read yet."""
        return self.connect(host_config(self.server, ReleaseSettings(env=ReleaseEnv(file=file)))).env

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────

    def start(self, run_id: str, kind: Kind, tag: str, wanted: Wanted) -> Run:
        """Journal a new run, and what the operator's side claims of the gates before the host's.

        What the operator resolved is staged before the run is on record, so that a run that is on record has it, and
        is never journalled itself.
        """
        self._finish_stop()
        env = self.env_in(wanted.env.file).stage(run_id, wanted.env) if wanted.env else None
        slots, active = self.ports.runtime.slots(), self.ports.router.active()
        placed = plan_slots(
            kind, tag, slots, active, self.finished(), self.server.retention.releases, rebuild=wanted.rebuild
        )
        claims = [_of_the_operator(event) for event in wanted.claims]
        started = ev.RunStarted(
            kind=kind,
            tag=tag,
            commit=wanted.commit,
            tag_object=wanted.tag_object,
            who=self._who,
            version=__version__,
            tree=wanted.tree,
            config_blob=wanted.config_blob,
            env=env,
            reason=wanted.reason,
            rebuild=wanted.rebuild,
            **placed.fields(),
            **self.before(tag, wanted.tag_object),
        )
        self._append(run_id, started)
        for event in claims:
            self._append(run_id, event, claim=True)
        return fold(self.journal.last_run()) or begin(run_id, self.ports.clock.now(), started)

    def go_on(self, run: Run) -> Run:
        """Drive a run to its end."""
        while run.finished is None:
            before, run = run, self._runner(run).drive(run)
            if run.finished is None and _applies(run) == _applies(before):
                raise L9Error(
                    "a bug in l9: the run stopped before its end",
                    expected="a run that ends",
                    found=f"{run.kind} {run.tag}, with gates before the host's not on record",
                    remedy="l9 status",
                )
        if run.outcome is not State.FAIL_STATE:  # a person may need what was kept
            self.ports.env.settle(run.id)
        return run

    def _runner(self, run: Run) -> Runner:
        """Drives the run until it ends, or until other settings apply to it."""
        config, applies = self.config_for(run), _applies(run)
        ports = self.connect(config)
        return Runner(
            graph=GRAPH,
            settings=for_rollback(config) if run.kind is Kind.ROLLBACK else config,
            clock=ports.clock,
            observe=HostObserver(ports, config, self.env_rules(run), self.together),
            perform=HostPerformer(ports, self._say),
            append=self._append,
            watch=self._watch,
            where=(Substrate.HOST,),
            until=lambda now: _applies(now) != applies,
        )

    def recover(self, why: str, *, forward: bool) -> Run | None:
        """Bring an interrupted run to its end: on, or back where users have not seen it yet.

        The run when there was one to recover, else None.
        """
        run = self.last()
        if run is None or run.finished is not None:
            return None
        self._append(run.id, ev.RunResumed(who=self._who, why=why))
        if not run.going_back and not handed_over(run):
            self._append(run.id, ev.RunAborted(who=self._who, why="not all gates before it on record"))
        elif not run.going_back and not forward and not run.switched:
            self._append(run.id, ev.RunAborted(who=self._who, why=why))
        return self.go_on(fold(self.journal.last_run()) or run)

    def stop_standby(self) -> str | None:
        """Stop the standby slot when its time is over; its release's tag when it was stopped.

        The stop is a step of the run that left the slot, and stands in its record. Raises ActionError when it failed.
        """
        run = self.last()
        if run is None or run.finished is None:
            return None
        idle = self.ports.runtime.slots()[self.ports.router.active().other]
        step = end_of_standby(run, idle, self.ports.clock.now(), self.server.standby.seconds)
        if step is None:
            return None
        taken = next(s for s in self._runner(run).take(run, step).steps if s.number == step.step)
        if (failure := taken.failure) is not None:
            raise ActionError(
                "the standby slot was not stopped",
                expected=failure.expected,
                found=failure.found,
                remedy=failure.remedy,
                log=failure.log,
            )
        return idle.release

    def _finish_stop(self) -> None:
        """Complete the stop of a standby slot that the timer was killed in, before another run begins."""
        run = self.last()
        if run is not None and run.finished is not None and (step := interrupted_stop(run)) is not None:
            self._runner(run).take(run, step)

    def before(self, tag: str, tag_object: str) -> dict[str, Any]:
        """What is on record of a tag, as fields of a `run-started` event."""
        seen = dict.fromkeys(started.tag_object for started in self.journal.starts(tag) if started.tag_object)
        return {
            "objects": tuple(one for one in seen if one != tag_object),
            "was_good": bool(seen) and self.was_good(tag),
        }

    def was_good(self, tag: str) -> bool:
        """Whether a run ended well with that release live, however long ago."""
        return any(done.live == tag and done.outcome is State.SUCCESS for done in self.journal.ends())

    def rollback_target(self, wanted: str | None, *, rebuild: bool = False) -> str:
        """The release to go back to. Raises UsageError with the list of what can be had.

        rebuild: it is built anew, so that it need not be retained; but it must have been good here once.
        """
        # What the public gets, not what the journal says of it: after a FAIL-STATE or a death they differ.
        last, routed = self.finished(), self.ports.runtime.slots()[self.ports.router.active()]
        live = routed.release if routed.serves else None
        tag = wanted or previous_good(last, routed.release)
        kept = [t for t in (last.retained if last else ()) if t != live]
        have = ", ".join(kept) or "none"
        if tag is None:
            raise UsageError(
                "there is no previous good release",
                expected="a release before the live one",
                found=f"retained: {have}",
                remedy="l9 history",
            )
        if tag == live:
            raise UsageError(
                f"{tag} is live already",
                expected=f"another release; retained: {have}",
                found=tag,
                remedy="l9 status",
            )
        good = tag in kept or self.was_good(tag)
        if not good or (tag not in kept and not rebuild):
            raise UsageError(
                f"{tag} is not retained on the host",
                expected=f"one of: {have}" if kept else "a retained release; there is no other",
                found=f"{tag}, which was live here once" if good else tag,
                remedy=f"l9 rollback {tag} --rebuild" if good else f"l9 deploy {tag}",
            )
        return tag
