"""A session on one host: its journal, its lock, its ports, and its runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from l9.core.between_runs import (
    end_of_standby,
    interrupted_stop,
    live_again,
    route_to_restore,
    to_bring_back,
)
from l9.core.decide import Perform
from l9.core.facts import Slots
from l9.core.recorder import AfterEntry, Recorder, ignore
from l9.core.run import Run, begin, fold
from l9.core.runner import Runner
from l9.core.slot_plan import plan_slots, previous_good
from l9.core.states import Kind, Slot, State, Substrate
from l9.core.verdict import Pending
from l9.drivers.files.journal import JournalFile, parse
from l9.drivers.files.lock import LockFile
from l9.drivers.process.clock import booted
from l9.errors import ActionError, JournalBroken, L9Error, UsageError
from l9.graph import GRAPH
from l9.host.disk import telling_of_the_disk
from l9.host.observe import HostObserver, HostPorts, Together, one_by_one
from l9.host.perform import HostPerformer

Connect = Callable[[Config], HostPorts]
Watch = Callable[[State, Pending], None]
Say = Callable[[str], None]


def handed_over(run: Run) -> bool:
    """True if all gates before the host's are in the journal; otherwise the run cannot continue."""
    return all(
        row.opens in run.opened for row in GRAPH.of(run.kind, Substrate.WORKSPACE, Substrate.REPOSITORY)
    )


def _applies(run: Run) -> tuple[str | None, bool]:
    """Return the release whose settings apply to a run; when it changes, new ports are created."""
    return run.settings_of, run.settings_read


def _of_the_operator(event: ev.AnyEvent) -> ev.AnyEvent:
    """Check that the operator's side may claim an event: of its own gates only. Raises UsageError."""
    own = {row.opens for row in GRAPH.of(Kind.DEPLOY, Substrate.WORKSPACE, Substrate.REPOSITORY)}
    gate = getattr(event, "gate", None)
    if gate in own:
        return event
    raise UsageError(
        "cannot accept the operator's events",
        expected="events of the gates before the host's",
        found=f"{type(event).__name__} of {gate or 'no gate'}",
        remedy="l9 status",
    )


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a new run. `claims` are the operator's events of the gates before the host's.

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
    """Return the configuration for a release that was good before: without soak and bake."""
    return replace(
        config,
        health=replace(config.health, soak=0.0),
        bake=replace(config.bake, seconds=0.0),
        route=replace(config.route, proofs=min(config.route.proofs, 3)),
    )


class HostSession:
    """Begins, resumes and recovers runs on one host. Methods that write require the lock.

    `connect` creates the host's ports for a configuration: the server's settings, and those of the release that the
    work is for. `after_entry` is called with each journal entry once it is on disk; its failures never
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
        boot: Callable[[], tuple[str, float]] = booted,
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
        self._boot = boot

    # ── configuration ────────────────────────────────────────────────────────────────────────────

    @cached_property
    def config(self) -> Config:
        """The configuration of the live release on record."""
        done = self.finished()
        return self.config_of(done.live if done else None)

    @cached_property
    def ports(self) -> HostPorts:
        """The host's ports for the live release on record."""
        return self.connect(self.config)

    def config_of(self, release: str | None) -> Config:
        """Return the server's settings with those kept of a release."""
        kept = self._store.of(release) if release else None
        return host_config(self.server, kept.settings if kept else None)

    def config_for(self, run: Run) -> Config:
        """Return the current configuration of a run: of `Run.settings_of`, tightened by its tag."""
        mine = self._store.of(run.tag) if run.settings_read else None
        server = tightened(self.server, mine.settings) if mine else self.server
        kept = self._store.of(run.settings_of) if run.settings_of else None
        return host_config(server, kept.settings if kept else None)

    def env_rules(self, run: Run) -> tuple[Rule, ...]:
        """Return the environment rules of the run's release."""
        kept = self._store.of(run.tag)
        return kept.env_rules if kept else ()

    # ── the journal ──────────────────────────────────────────────────────────────────────────────

    def last(self) -> Run | None:
        """Return the newest run, finished or not."""
        return fold(self.journal.last_run())

    def finished(self) -> ev.RunFinished | None:
        """Return the end of the newest finished run, with its live and standby slots."""
        entry = self.journal.last_finished()
        return entry.body if entry and isinstance(entry.body, ev.RunFinished) else None

    def journal_lines(self, mark: bytes = b"") -> Iterator[ev.Entry]:
        """Yield the entries in whose lines `mark` is, newest first."""
        for line in self.journal.lines_backward(mark):
            if (entry := parse(line, self.layout.journal)) is not None:
                yield entry

    def entries_of(self, run: str) -> list[ev.Entry]:
        """Return the entries of one run, oldest first."""
        found = []
        for entry in self.journal_lines(b'"run":' + msgspec.json.encode(run)):
            if entry.run == run:
                found.append(entry)
                if isinstance(entry.body, ev.RunStarted):
                    break  # nothing of it is older
        return found[::-1]

    def env_in(self, file: str) -> Env:
        """Return the environment file of a release whose settings were not read yet."""
        return self.connect(host_config(self.server, ReleaseSettings(env=ReleaseEnv(file=file)))).env

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────

    def start(self, run_id: str, kind: Kind, tag: str, wanted: Wanted) -> Run:
        """Journal a new run, and the operator's claims of the gates before the host's.

        The resolved environment is staged before the run is journalled, so that every run on record has it, and
        is never journalled itself.
        """
        self._finish_stop()
        env = self.env_in(wanted.env.file).stage(run_id, wanted.env) if wanted.env else None
        slots, active = self.ports.runtime.slots(), self.ports.router.active()
        # A rollback to that release brings it back by its own gates.
        if (kind is Kind.DEPLOY or to_bring_back(self.finished(), slots, active) != tag) and (
            restored := self._restore_route(slots, active)
        ):
            active = restored
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
            prune=self.outdated() is None,
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
        if run.outcome is not State.FAIL_STATE or run.unwell:  # else a person may need the kept files
            self.ports.env.settle(run.id)
        return run

    def _runner(self, run: Run) -> Runner:
        """Return a runner that drives the run until it ends, or until other settings apply to it."""
        config, applies = self.config_for(run), _applies(run)
        ports = self.connect(config)
        return Runner(
            graph=GRAPH,
            settings=for_rollback(config) if run.kind is Kind.ROLLBACK else config,
            clock=ports.clock,
            observe=HostObserver(ports, config, self.env_rules(run), self.together),
            perform=telling_of_the_disk(HostPerformer(ports, self._say), self.journal.give_room),
            append=self._append,
            watch=self._watch,
            where=(Substrate.HOST,),
            until=lambda now: _applies(now) != applies,
        )

    def recover(self, why: str, *, forward: bool) -> Run | None:
        """Bring an interrupted run to its end: forward, or back if it had not been public.

        Returns the run, or None if there was none to recover.
        """
        run = self.last()
        if run is None or run.finished is not None:
            return None
        self.refuse_outdated()
        self._append(run.id, ev.RunResumed(who=self._who, why=why))
        if not run.going_back and not handed_over(run):
            self._append(
                run.id,
                ev.RunAborted(who=self._who, why="the gates before the host's are not all in the journal"),
            )
        elif not run.going_back and not forward and not run.switched:
            self._append(run.id, ev.RunAborted(who=self._who, why=why))
        return self.go_on(fold(self.journal.last_run()) or run)

    def outdated(self) -> str | None:
        """Return the run that wrote the host's record, if the journal does not know of that; otherwise None.

        The journal was cut, or restored from a backup: what it says of the host is no longer so.
        """
        run = self.ports.record.run()
        return run if run is not None and not self.journal.wrote_record(run) else None

    def refuse_outdated(self) -> None:
        """Raise JournalBroken if the journal is older than the host's record: nothing is resumed or stopped by it."""
        if (run := self.outdated()) is not None:
            raise JournalBroken(
                "the journal is older than the host's record: it was cut, or restored from a backup",
                expected=f"run {run}, which .deployed-metadata.json names",
                found="no such run, or only its beginning",
                remedy=f"l9 deploy {self.ports.record.deployed_tag()} --again",
            )

    def why_retry(self) -> str | None:
        """Return why the last run would go on after its end; None if it has nothing left to do.

        It ended in FAIL-STATE, or what it left live lacks a service that ran then.
        """
        run = self.last()
        if run is None or run.finished is None:
            return None
        if run.outcome is State.FAIL_STATE:
            return "resumed after FAIL-STATE"
        stopped = ", ".join(self.stopped_services())
        return f"{stopped} had stopped under {run.finished.live}" if stopped else None

    def stopped_services(self) -> tuple[str, ...]:
        """Return the services that the live release on record needs and that do not run; none if it does not run."""
        done, slots = self.finished(), self.ports.runtime.slots()
        if done is None or done.live is None or done.slot is None:
            return ()
        runs = slots[done.slot].serves and slots[done.slot].release == done.live
        return self.ports.runtime.stopped_services(done.live) if runs else ()

    def retry(self) -> Run | None:
        """Go on with the last run after its end, for the reason that `why_retry` gives; None if there is none."""
        run, why = self.last(), self.why_retry()
        if run is None or run.finished is None or why is None:
            return None
        first = live_again(run)
        self._append(run.id, ev.RunResumed(who=self._who, why=why))
        run = fold(self.journal.last_run()) or run
        for step in first:
            run = self._runner(run).take(run, step)
        return self.go_on(run)

    def to_bring_back(self) -> str | None:
        """Return the live release on record if it is in a slot and the public does not get it; otherwise None."""
        return to_bring_back(self.finished(), self.ports.runtime.slots(), self.ports.router.active())

    def _restore_route(self, slots: Slots, active: Slot) -> Slot | None:
        """Send public traffic to the live release on record if it runs and the route names a slot that does not.

        The switch is journalled as a step of the last run. Returns the slot, or None if there was nothing to do or the
        release is not healthy: then nothing is lost if the next run takes its slot.
        """
        run, done = self.last(), self.finished()
        if run is None or done is None or run.finished is None:
            return None
        step = route_to_restore(run, done, slots, active)
        if step is None:
            return None
        taken = next(s for s in self._runner(run).take(run, step).steps if s.number == step.step)
        return done.slot if taken.failure is None else None

    def stop_standby(self) -> str | None:
        """Stop the standby slot if its time is over; return its release's tag if it was stopped.

        The stop is journalled as a step of the run that left the slot. Raises ActionError if it fails.
        """
        run = self.last()
        if run is None or run.finished is None:
            return None
        idle = self.ports.runtime.slots()[self.ports.router.active().other]
        now = self._time_after(self.journal.last_run()[-1])
        step = end_of_standby(run, idle, now, self.server.standby.seconds)
        if step is None:
            return None
        self._take(run, step, "the standby slot was not stopped")
        return idle.release

    def _time_after(self, entry: ev.Entry) -> float:
        """Return the time in the entry's own terms, as if nobody had set the clock since.

        After a reboot that is the end of time: nothing stands by any more.
        """
        boot, up = self._boot()
        return entry.at + up - entry.up if boot == entry.boot else float("inf")

    def _take(self, run: Run, step: Perform, failed: str) -> None:
        """Take one step that is in no row. Raises ActionError with the message `failed` if it fails."""
        taken = next(s for s in self._runner(run).take(run, step).steps if s.number == step.step)
        if (failure := taken.failure) is not None:
            raise ActionError(
                failed,
                expected=failure.expected,
                found=failure.found,
                remedy=failure.remedy,
                log=failure.log,
            )

    def _finish_stop(self) -> None:
        """Complete an interrupted stop of a standby slot, before another run begins."""
        run = self.last()
        if run is not None and run.finished is not None and (step := interrupted_stop(run)) is not None:
            self._runner(run).take(run, step)

    def before(self, tag: str, tag_object: str) -> dict[str, Any]:
        """Return a tag's earlier record, as fields of a `run-started` event."""
        seen = dict.fromkeys(started.tag_object for started in self.journal.starts(tag) if started.tag_object)
        return {
            "objects": tuple(one for one in seen if one != tag_object),
            "was_good": bool(seen) and self.was_good(tag),
        }

    def was_good(self, tag: str) -> bool:
        """True if any run ended well with that release live."""
        return any(done.live == tag and done.outcome is State.SUCCESS for done in self.journal.ends())

    def rollback_target(self, wanted: str | None, *, rebuild: bool = False) -> str:
        """Return the release to roll back to. Raises UsageError with the list of retained releases.

        rebuild: it is rebuilt and need not be retained, but it must have been good here before.
        """
        # The release that is public, not the one in the journal: after a FAIL-STATE or a crash they differ.
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
                f"{tag} is already live",
                expected=f"another release; retained: {have}",
                found=tag,
                remedy="l9 status",
            )
        good = tag in kept or self.was_good(tag)
        if not good or (tag not in kept and not rebuild):
            raise UsageError(
                f"{tag} is not retained on the host",
                expected=f"one of: {have}" if kept else "a retained release; there is no other",
                found=f"{tag}, which was live here before" if good else tag,
                remedy=f"l9 rollback {tag} --rebuild" if good else f"l9 deploy {tag}",
            )
        return tag
