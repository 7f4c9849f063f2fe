"""One simulated host and its operator: deploy, roll back, recover, tick, and let time pass."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from l9.checks.environment.resolved import ResolvedEnv
from l9.config.layout import Layout
from l9.config.model import Bake, Config, Drain, Health, Ports, Retention, Route, Smoke, Standby, Target
from l9.config.settings import server_settings
from l9.core import events as ev
from l9.core.recorder import AfterEntry, ignore
from l9.core.run import Run, fold
from l9.core.states import Kind, Slot, State, Substrate
from l9.graph import GRAPH
from l9.host import queries
from l9.host.agent import refused_by_host
from l9.host.observe import HostPorts
from l9.host.session import HostSession, Wanted, handed_over

from .acts import Acts
from .behaviour import GOOD, Behaviour
from .clock import ProcessClock, VirtualClock
from .cuts import Cuts
from .files import FakeEnv, FakeRecord, FakeSettings
from .journal import MemoryJournal, MemoryLock
from .machine import Machine
from .monitor import Monitor
from .router import FakeRouter
from .runtime import FakeRuntime
from .source import FakeSource, tag_of
from .web import SMOKE, FakeHttp

LONGEST_RUN = 300.0  # virtual seconds

CONFIG = Config(
    app="l9-api",
    name="production",
    target=Target(host="local", runtime="process", ports=Ports(blue=8000, green=8001)),
    health=Health(deadline=2.0, soak=0.5, timeout=1.0),
    smoke=(Smoke(path=SMOKE, method="POST", json={"content": "smoke"}),),
    route=Route(url="http://127.0.0.1:80", proofs=3),
    bake=Bake(seconds=1.0, after_rollback=0.3),
    drain=Drain(grace=0.5),
    standby=Standby(seconds=600),
    retention=Retention(releases=3),
)

LOCAL_STATES = tuple(row.opens for row in GRAPH.rows if row.where is not Substrate.HOST)
LOCAL = tuple(ev.GateOpened(gate=state, evidence=()) for state in LOCAL_STATES)


class World:
    """A host with its ports. `run_count` numbers the runs; `ended` are those driven to their end, newest last.

    `asks_for_attestation`: the host's own settings do. `after_entry`: the hook of its journal.
    """

    def __init__(self, config: Config = CONFIG) -> None:
        self.config = config
        self.clock = VirtualClock()
        self.machine = Machine(self.clock)
        self.monitor = Monitor(self.machine)
        self.clock.watchers.append(self.monitor.tick)
        self.cuts = Cuts()
        self.acts = Acts(self.machine, self.monitor, self.cuts)
        self.runtime = FakeRuntime(self.acts, config.drain.grace)
        self.source = FakeSource(self.acts)
        self.http = FakeHttp(self.acts, config, self.runtime.endpoint)
        self.router = FakeRouter(self.acts, self.http, config.route.url + config.health.path)
        self.record = FakeRecord(self.acts)
        self.env = FakeEnv(self.acts)
        self.settings = FakeSettings(self.acts, config)
        self.journal = MemoryJournal(self.clock.now, self.cuts, self.clock.boot)
        self.lock = MemoryLock()
        self.run_count = 0
        self.ended: list[Run] = []
        self.asks_for_attestation = False
        self.after_entry: AfterEntry = ignore

    def fork(self) -> World:
        """The same host a second time, to try something else on it."""
        return copy.deepcopy(self, {id(one): one for one in self.unchanging()})

    def unchanging(self) -> tuple[object, ...]:
        """Return what a copy of the host may share with it."""
        return (self.config, *self.ended, *self.source.origin.values(), *self.machine.releases.values())

    def runs(self) -> HostSession:
        """Return the session of a new process of the deployer; nothing but the host outlives it."""
        clock = ProcessClock(self.clock)
        ports = HostPorts(
            clock, self.runtime, self.router, self.source, self.http, self.record, self.env, self.settings
        )  # fmt: skip
        server = server_settings(self.config)
        if self.asks_for_attestation:
            server = replace(server, release=replace(server.release, require_attestation=True))
        return HostSession(
            server,
            Layout(Path(self.config.target.path)),
            lambda _config: ports,
            "operator",
            lambda _gate, _pending: None,
            lambda _text: None,
            journal=self.journal.opened(clock.now),
            lock=self.lock,
            boot=self.clock.boot,
            after_entry=self.after_entry,
        )

    # ── what an operator does ────────────────────────────────────────────────────────────────────

    def tag(self, tag: str, behaviour: Behaviour = GOOD) -> None:
        """Make a release and push it."""
        self.machine.releases.setdefault(tag, behaviour)
        self.source.origin.setdefault(tag, tag_of(tag))

    def deploy(
        self, tag: str, behaviour: Behaviour = GOOD, env: str | None = None, tag_object: str = ""
    ) -> Run:
        """`l9 deploy TAG`, from the agent's point of view: recover what was interrupted, then do it.

        `env`: the text of the environment file that the operator's side has resolved. `tag_object`: what the
        operator's tag is, if not what origin had first.
        """
        with self._process(f"deploy {tag}") as runs:
            self.tag(tag, behaviour)
            last = runs.last()
            if last is not None and last.finished is None and runs.outdated() is None:
                same = last.kind is Kind.DEPLOY and last.tag == tag and (last.going_back or handed_over(last))
                recovered = self._recover(runs, forward=same)
                if same and recovered is not None:
                    return recovered
            known = tag_of(tag)
            wanted = Wanted(
                commit=known.commit,
                tag_object=tag_object or str(known.object_id),
                claims=LOCAL,
                env=None if env is None else ResolvedEnv(source=".env.production", file=".env", text=env),
            )
            return self._run(runs, Kind.DEPLOY, tag, wanted)

    def rollback(self, tag: str | None = None, *, rebuild: bool = False) -> Run:
        """`l9 rollback [TAG] [--rebuild]`."""
        with self._process(f"rollback {tag or ''}") as runs:
            last = runs.last()
            if last is not None and last.finished is None and runs.outdated() is None:
                self._recover(runs, forward=False)
            return self._roll_back(runs, tag, rebuild=rebuild)

    def recover(self, *, forward: bool = True) -> Run | None:
        """What `l9 resume`, the timer, and the next command do first."""
        with self._process("resume") as runs:
            return self._recover(runs, forward=forward)

    def resume(self) -> Run | None:
        """`l9 resume`: finish what was interrupted, or go on where a run ended in FAIL-STATE, or bring back what is on
        record; None if there is nothing to do."""
        with self._process("resume") as runs:
            runs.refuse_outdated()
            if (run := self._recover(runs, forward=True)) is not None:
                return run
            if (again := runs.retry()) is not None:
                return self._noted(again)
            target = runs.to_bring_back()
            return None if target is None else self._roll_back(runs, target)

    def tick(self) -> tuple[Run | None, str | None]:
        """The host's timer: what was recovered, and the release whose standby ended."""
        self._limit()
        try:
            done = queries.tick(self.runs())
        except OSError as error:
            raise refused_by_host(error) from error
        run = self.last() if done.recovered else None
        return self._noted(run) if run else None, done.standby_stopped

    def provision(self) -> None:
        """`l9 provision`: under the same lock; the site is as it should be, and its folder can be entered."""
        with self._process("provision"), self.monitor.theirs("l9 provision", ending=True):
            self.acts.writes("router.site")
            self.machine.stick(None)
            self.machine.blindfold(on=False)
            if self.machine.front == "another site":
                self.machine.front = "router"

    def wait(self, seconds: float) -> None:
        self.clock.limit = float("inf")
        self.clock.sleep(seconds)

    # ── what there is ────────────────────────────────────────────────────────────────────────────

    def last(self) -> Run | None:
        return fold(self.journal.last_run())

    @property
    def live(self) -> str | None:
        """The release that the public gets, if it gets any."""
        machine = self.machine
        return machine.release(machine.active) if machine.serves(machine.active) else None

    @property
    def idle(self) -> tuple[str | None, str] | None:
        """Return the release and status of the other slot, or None if it is empty."""
        proc = self.machine.slots[self.machine.active.other]
        return (proc.release, proc.status) if proc else None

    @property
    def running(self) -> list[Slot]:
        return [slot for slot in Slot if self.machine.runs(slot)]

    def state(self) -> Mapping[str, Any]:
        """The host, and what the journal says of it, without times."""
        entry = self.journal.last_finished()
        done = entry.body if entry else None
        said = {
            f: getattr(done, f, None)
            for f in ("outcome", "live", "slot", "standby", "exit_code", "good", "retained")
        }
        return {**self.machine.snapshot(), "env": self.env.values, **said}

    # ── within ───────────────────────────────────────────────────────────────────────────────────

    def _limit(self) -> None:
        self.clock.limit = self.clock.now() + LONGEST_RUN

    @contextmanager
    def _process(self, what: str) -> Iterator[HostSession]:
        """One process of l9 on the host. It holds the lock, which dies with it."""
        runs = self.runs()
        try:
            runs.lock.take("operator", what)
        except OSError as error:
            raise refused_by_host(error) from error
        self._limit()
        try:
            runs.journal.repair()
            yield runs
        except OSError as error:
            raise refused_by_host(error) from error
        finally:
            runs.lock.free()

    def _recover(self, runs: HostSession, *, forward: bool) -> Run | None:
        run = runs.recover("the test found it interrupted", forward=forward)
        return self._noted(run) if run else None

    def _roll_back(self, runs: HostSession, tag: str | None, *, rebuild: bool = False) -> Run:
        target = runs.rollback_target(tag, rebuild=rebuild)
        known = self.source.tag(target)
        wanted = Wanted(commit=known.commit, tag_object=str(known.object_id), rebuild=rebuild)
        return self._run(runs, Kind.ROLLBACK, target, wanted)

    def _run(self, runs: HostSession, kind: Kind, tag: str, wanted: Wanted) -> Run:
        self._limit()
        self.run_count += 1
        run = runs.start(f"run-{self.run_count}", kind, tag, wanted)
        self.machine.nothing_before = run.old is None
        return self._noted(runs.go_on(run))

    def _noted(self, run: Run) -> Run:
        self.ended.append(run)
        if isinstance(run.finished, ev.RunFinished) and run.outcome is State.SUCCESS:
            self.monitor.started()
        return run
