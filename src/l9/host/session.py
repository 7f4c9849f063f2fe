"""One host as the agent works on it: its journal, its lock, its ports, and the runs on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from l9 import __version__
from l9.checks.environment.schema import rules_of
from l9.config.layout import Layout
from l9.config.model import Config
from l9.core import events as ev
from l9.core.run import Run, begin, fold
from l9.core.runner import Runner
from l9.core.slot_plan import plan_slots, previous_good
from l9.core.states import Kind, Slot, State, Substrate
from l9.core.verdict import Pending
from l9.drivers.files.journal import JournalFile
from l9.drivers.files.lock import LockFile
from l9.errors import UsageError
from l9.graph import GRAPH
from l9.host.observe import HostObserver, HostPorts, Together, one_by_one
from l9.host.perform import HostPerformer

Watch = Callable[[State, Pending], None]
Say = Callable[[str], None]


def handed_over(run: Run) -> bool:
    """Whether all gates before the host's are on record: one that died while they were written down cannot go on."""
    return all(
        row.opens in run.opened for row in GRAPH.of(run.kind, Substrate.WORKSPACE, Substrate.REPOSITORY)
    )


def _of_the_operator(raw: Any) -> ev.AnyEvent:
    """An event that the operator's side may tell: of its own gates. Raises UsageError for any other."""
    own = {row.opens for row in GRAPH.of(Kind.DEPLOY, Substrate.WORKSPACE, Substrate.REPOSITORY)}
    event: ev.AnyEvent = msgspec.convert(raw, ev.AnyEvent)
    gate = getattr(event, "gate", None)
    if gate in own:
        return event
    raise UsageError(
        "the run cannot be taken over",
        expected="events of the gates before the host's",
        found=f"{type(event).__name__} of {gate or 'no gate'}",
        remedy="l9 status",
    )


def for_rollback(config: Config) -> Config:
    """The same, for a release that was good before: an answer is asked of it, not a soak and a bake again."""
    return replace(
        config,
        health=replace(config.health, soak=0.0),
        bake=replace(config.bake, seconds=0.0),
        route=replace(config.route, proofs=min(config.route.proofs, 3)),
    )


class HostSession:
    """Begins, resumes and recovers runs. Only the holder of the lock may call what writes.

    require_attestation: the host's own settings ask for it, whatever the operator's say.
    """

    def __init__(
        self,
        config: Config,
        layout: Layout,
        ports: HostPorts,
        who: str,
        watch: Watch,
        say: Say,
        *,
        journal: JournalFile | None = None,
        lock: LockFile | None = None,
        together: Together = one_by_one,
        require_attestation: bool = False,
    ) -> None:
        self.config = config
        self.layout = layout
        self.ports = ports
        self.journal = journal or JournalFile(layout.journal, ports.clock.now)
        self.lock = lock or LockFile(layout.lock)
        self._who = who
        self._watch = watch
        self._say = say
        self.together = together
        self._require_attestation = require_attestation

    # ── what the journal says ────────────────────────────────────────────────────────────────────

    def last(self) -> Run | None:
        """The newest run, finished or not."""
        return fold(self.journal.last_run())

    def finished(self) -> ev.RunFinished | None:
        """How the newest finished run ended: what is live, what stands by."""
        entry = self.journal.last_finished()
        return entry.body if entry and isinstance(entry.body, ev.RunFinished) else None

    def belongs_to(self) -> str | None:
        """The instance that this directory is of: the newest run's, else the one it was prepared for."""
        last = self.last()
        kept = last.settings.get("config") if last else None
        try:
            config = (
                msgspec.convert(kept, Config)
                if kept
                else msgspec.json.decode(self.layout.settings.read_bytes(), type=Config)
            )
        except (OSError, msgspec.MsgspecError):
            return None
        return config.instance

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────

    def start(
        self,
        run_id: str,
        kind: Kind,
        tag: str,
        *,
        commit: str,
        tag_object: str,
        settings: dict[str, Any],
        local: list[Any],
        env: Mapping[str, Any] | None = None,
    ) -> Run:
        """Journal a new run, and what its gates before the host saw.

        `env`: what the operator's side resolved, as `text` and `keep`. It is staged before the run is on record, so
        that a run that is on record has it, and is never journalled itself.
        """
        if env:
            staged = self.ports.env.stage(run_id, env["text"], tuple(env["keep"]))
            settings = {**settings, "env": staged}
        slots, active = self.ports.runtime.slots(), self.ports.router.active()
        placed = plan_slots(
            kind, tag, slots, active, self.finished(), self.config.retention.releases,
            rebuild=bool(settings.get("rebuild")),
        )  # fmt: skip
        told = [_of_the_operator(event) for event in local]
        started = ev.RunStarted(
            kind=kind,
            tag=tag,
            commit=commit,
            tag_object=tag_object,
            who=self._who,
            version=__version__,
            settings=settings,
            **placed.fields(),
            **self.before(tag, tag_object),
        )
        self.journal.append(run_id, started)
        for event in told:
            self.journal.append(run_id, event)
        return fold(self.journal.last_run()) or begin(run_id, self.ports.clock.now(), started)

    def go_on(self, run: Run) -> Run:
        """Drive a run to its end."""
        config = self._config_of(run)
        observer = HostObserver(self.ports, config, rules_of(run.settings), self.together)
        settings = config
        if self._require_attestation:  # what the host was told to ask for, nobody's laptop can take back
            settings = replace(settings, release=replace(settings.release, require_attestation=True))
        if run.kind is Kind.ROLLBACK:
            settings = for_rollback(settings)
        ended = Runner(
            graph=GRAPH,
            settings=settings,
            clock=self.ports.clock,
            observe=observer,
            perform=HostPerformer(self.ports, config, observer, self._say),
            append=self.journal.append,
            watch=self._watch,
            where=(Substrate.HOST,),
        ).drive(run)
        if ended.outcome not in (None, State.FAIL_STATE):  # a person may need what was kept
            self.ports.env.settle(ended.id)
        return ended

    def recover(self, why: str, *, forward: bool) -> Run | None:
        """Bring an interrupted run to its end: on, or back where users have not seen it yet.

        The run when there was one to recover, else None.
        """
        run = self.last()
        if run is None or run.finished is not None:
            return None
        self.journal.append(run.id, ev.RunResumed(who=self._who, why=why))
        if not run.going_back and not handed_over(run):
            self.journal.append(run.id, ev.RunAborted(who=self._who, why="not all gates before it on record"))
        elif not run.going_back and not forward and not run.switched:
            self.journal.append(run.id, ev.RunAborted(who=self._who, why=why))
        return self.go_on(fold(self.journal.last_run()) or run)

    def stop_standby(self) -> str | None:
        """Stop the standby slot when its time is over; its release's tag when it was stopped."""
        last = self.journal.last_finished()
        if last is None or self.ports.clock.now() - last.at < self.config.standby.seconds:
            return None
        idle: Slot = self.ports.router.active().other
        standing = self.ports.runtime.slots()[idle]
        if standing.status != "paused" or standing.release is None:
            return None
        self.ports.runtime.stop(idle, standing.release)
        self.journal.append("", ev.StandbyStopped(slot=idle, release=standing.release))
        return standing.release

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

    def _config_of(self, run: Run) -> Config:
        """A run goes on with the configuration that it began with."""
        kept = run.settings.get("config")
        return msgspec.convert(kept, Config) if kept else self.config
