"""From the ports to facts: the only reader. A failed observation becomes `Unseen`, never a guess."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from urllib.parse import urlsplit

import msgspec

from l9.checks.environment import facts as environment_facts
from l9.checks.environment.ports import Env
from l9.checks.environment.schema import Rule
from l9.checks.host import facts as host_facts
from l9.checks.host.health import Sample, Streak
from l9.checks.host.prober import Prober
from l9.checks.host.wake import wakes_up
from l9.checks.logs.report import Outcome
from l9.config.model import Config, Smoke
from l9.core import facts as f
from l9.core.ports import Clock, Http, Record, Router, Runtime, Source
from l9.core.run import Run
from l9.core.states import Slot, State
from l9.errors import L9Error, named
from l9.host.followed_log import FollowedLog
from l9.host.kept_settings import SettingsStore

# Maximum age of an observation, in seconds. Others are observed every time.
PERIODS: Mapping[type, float] = {
    host_facts.Logs: 0.25,
    f.Traffic: 0.5,
    host_facts.Smoke: 0.5,
    host_facts.Bake: 0.4,
    host_facts.Watch: 0.2,
    f.Slots: 0.1,
    host_facts.Target: 0.05,
    host_facts.Standby: 0.05,
    host_facts.Health: 0.05,  # spec: every 100 ms or less
    host_facts.InFlight: 0.05,
}


DIRECT_EVERY = 0.25  # seconds; reading the kernel's table of connections takes 10 ms of a CPU
LIVE_LOG_BEFORE = 60.0  # seconds of the live slot's log before the launch that also count as its usual lines


class HostPorts(msgspec.Struct, frozen=True):
    """The ports for the host's part of a run."""

    clock: Clock
    runtime: Runtime
    router: Router
    source: Source
    http: Http
    record: Record
    env: Env
    settings: SettingsStore


Together = Callable[[Sequence[Callable[[], None]]], None]


def one_by_one(looks: Sequence[Callable[[], None]]) -> None:
    """Run the observations in order."""
    for look in looks:
        look()


class HostObserver:
    """Observes one host for one run; keeps state between observations (streaks, rounds, cursors)."""

    def __init__(
        self,
        ports: HostPorts,
        config: Config,
        rules: tuple[Rule, ...] = (),
        together: Together = one_by_one,
    ) -> None:
        self._together = together
        self._ports = ports
        self._config = config
        self._streak = Streak()
        self._proof: tuple[Slot | None, str | None, int] = (None, None, 0)
        self._bake = host_facts.Bake(0, ())
        self._watch = (0.0, host_facts.Watch(), f.SlotState(Slot.BLUE))
        self._quiet = 0
        self._answered = 0
        self._noise = ("", 0.0)
        self._direct = (0.0, 0)
        self._router_port = urlsplit(config.route.admin).port or 80
        self._logs_of: dict[tuple[Slot, float], FollowedLog] = {}
        self._kept: dict[type, tuple[float, object]] = {}
        self._steps: object = None
        self._lookers: dict[type, Callable[[Run], object]] = {
            f.Host: lambda run: ports.runtime.host(run.new),
            environment_facts.Environment: lambda run: ports.env.check(rules, run.id),
            host_facts.Checkout: lambda _run: host_facts.Checkout(config.target.path, ports.source.edited()),
            host_facts.HostTag: lambda run: host_facts.HostTag(ports.source.tag(run.tag)),
            f.Attested: lambda run: ports.source.attested(run.tag),
            f.Image: self._image,
            f.Services: lambda run: ports.runtime.services(run.tag),
            f.Retained: self._retained,
            f.Slots: lambda _run: ports.runtime.slots(),
            host_facts.Route: lambda _run: host_facts.Route(ports.router.active()),
            f.Answering: lambda _run: ports.router.answering(),
            host_facts.Site: self._site,
            host_facts.Target: self._target,
            host_facts.Standby: self._standby,
            host_facts.Health: self._health,
            host_facts.Smoke: self._smoke,
            host_facts.Logs: self._logs,
            host_facts.Proof: self._prove,
            host_facts.Bake: self._bake_round,
            host_facts.Watch: self._watch_round,
            f.Traffic: lambda run: ports.router.traffic(run.new, run.opened_at[State.ROUTE_TRAFFIC]),
            host_facts.InFlight: self._in_flight,
            f.DriftCheck: lambda _run: ports.record.drift_checked(),
            host_facts.Record: lambda _run: host_facts.Record(
                ports.record.deployed_tag(), ports.source.head()
            ),
        }

    def __call__(self, run: Run, kinds: frozenset[type]) -> f.Facts:
        """Observe these kinds of facts for that run."""
        if run.steps is not self._steps:
            # An action since then makes earlier observations stale.
            self._kept.clear()
            self._quiet = 0
            self._steps = run.steps
        fresh_since = max(run.entered.values(), default=0.0)
        now = self._ports.clock.now()
        stale = [
            kind for kind in kinds if kind is not host_facts.Logs and not self._fresh(kind, now, fresh_since)
        ]
        self._together([partial(self._look, run, kind) for kind in stale])
        # The log last: it must include the lines caused by the other observations' requests.
        if host_facts.Logs in kinds and not self._fresh(
            host_facts.Logs, self._ports.clock.now(), fresh_since
        ):
            self._look(run, host_facts.Logs)
        return f.Facts({kind: self._kept[kind][1] for kind in kinds})

    def _fresh(self, kind: type, now: float, since: float) -> bool:
        """True if an observation is recent, and made since the newest gate was entered."""
        kept = self._kept.get(kind)
        return kept is not None and kept[0] >= since and now - kept[0] < PERIODS.get(kind, 0.0)

    def _look(self, run: Run, kind: type) -> None:
        """Observe one kind of fact now."""
        now, kept = self._ports.clock.now(), self._kept.get(kind)
        try:
            seen = self._lookers[kind](run)
        except L9Error as error:
            seen = f.Unseen(error.summary, error.remedy, error.expected)
        except Exception as error:
            # As in the runner: a bug closes the gate, so that no release stays live unwatched.
            seen = f.Unseen(f"a bug in l9: {named(error)}")
        if kind is f.Slots and kept is not None and kept[1] != seen:
            self._kept.pop(host_facts.Logs, None)  # the last lines have the reason of its exit
        self._kept[kind] = (now, seen)

    # ── one observation each ─────────────────────────────────────────────────────────────────────

    def _site(self, _run: Run) -> host_facts.Site:
        router, answer = self._ports.router, self._ports.router.answering()
        if answer.status is None and answer.accepted and self._hangs(active := router.active()):
            # The slot behind the router hangs, for example paused by hand: a deploy or a rollback is the way out.
            return host_facts.Site(hangs=active)
        return host_facts.Site(*(router.problem() or ()))

    def _hangs(self, slot: Slot) -> bool:
        """True if a slot does not answer; one that is paused or stopped is not asked, which takes its whole timeout."""
        return not self._ports.runtime.slots()[slot].serves or not self._probe(slot).ok

    def _image(self, run: Run) -> object:
        return self._ports.runtime.image(run.tag) or f.Unseen(
            f"no image of {run.tag} on the host", not_yet=True
        )

    def _retained(self, run: Run) -> f.Retained:
        wanted = run.previous if run.previous and State.RELEASE_RETAINED not in run.entered else run.tag
        kept = self._ports.runtime.retained(wanted)
        return msgspec.structs.replace(kept, settings=self._ports.settings.of(wanted) is not None)

    def _target(self, run: Run) -> host_facts.Target:
        slot = run.wanted_live[0]
        if slot is None:
            return host_facts.Target(None)
        answer = self._probe(slot)
        if answer.ok:
            return host_facts.Target(answer)
        started_at = self._ports.runtime.slots()[slot].started_at
        return host_facts.Target(answer, started_at, self._probe(slot.other) if run.going_back else None)

    def _standby(self, run: Run) -> object:
        return host_facts.Standby(self._probe(run.old)) if run.old else f.Unseen("there is no old slot")

    def _health(self, run: Run) -> host_facts.Health:
        answer = self._probe(run.new)
        now = self._ports.clock.now()
        self._streak = self._streak.add(Sample(now, answer.ok, answer.found))
        return host_facts.Health(self._streak)

    def _probe(self, slot: Slot) -> host_facts.SmokeResult:
        """Probe the health of the slot's release once, directly."""
        base = self._ports.runtime.endpoint(slot)
        return self._prober(None).health(self._config.health, base, self.public_host())

    def _prober(self, release: str | None) -> Prober:
        """Return what sends requests to a release: with the secrets that it was made ready with."""
        ports = self._ports

        def secret(key: str) -> str | None:
            kept = ports.runtime.env_value(release, key) if release else None
            return kept if kept is not None else ports.env.secret(key)

        return Prober(ports.http, secret)

    def _smoke(self, run: Run) -> host_facts.Smoke:
        endpoint = self._ports.runtime.endpoint
        results = tuple(self._ask(s, endpoint(run.new), run.tag) for s in self._config.smoke)
        if run.old is not None and not all(r.ok for r in results):
            # A gate that fails the live release, too, is a broken gate and is reported as such.
            control = [self._ask(s, endpoint(run.old), run.previous) for s in self._config.smoke]
            results = tuple(_compared(mine, live) for mine, live in zip(results, control, strict=True))
        return host_facts.Smoke(results)

    def _ask(self, smoke: Smoke, base: str, release: str | None) -> host_facts.SmokeResult:
        return self._prober(release).ask(smoke, base, self.public_host())

    def _logs(self, run: Run) -> host_facts.Logs:
        # Since this run launched it: lines from before a release was resumed do not count, but for
        # one that the engine keeps restarting the reason is before its latest start.
        since = run.entered.get(State.BLUE_GREEN_LAUNCH, run.started_at)
        slot, own = self._ports.runtime.slots()[run.new], self._log_of(run.new, since)
        own.catch_up(self._ports.clock.now())
        known: frozenset[str] = frozenset()
        if run.old is not None and own.judge.templates:
            live = self._log_of(run.old, since - LIVE_LOG_BEFORE)
            live.read_all()
            known = live.judge.templates
        report, tail = own.judge.report(known), own.judge.tail
        cause = own.judge.probable_cause(slot.exit_code, slot.oom_killed)
        if wakes_up(run, since, self._ports.clock.now()) and report.outcome is Outcome.ERRORS:
            self._noise = (report.excerpt[0].splitlines()[-1], self._ports.clock.now())
            own.forget()
            report = own.judge.report(known)
        return host_facts.Logs(report, tail, cause, own.read_at, *self._noise)

    def _log_of(self, slot: Slot, since: float) -> FollowedLog:
        if (slot, since) not in self._logs_of:
            self._logs_of[slot, since] = FollowedLog(
                self._ports.runtime.read_log(slot, since), self._ports.clock.shift
            )
        return self._logs_of[slot, since]

    def _prove(self, run: Run) -> host_facts.Proof:
        wanted = run.wanted_live
        answer = self._ports.router.answering()
        if answer.status is None:
            self._proof = (None, None, 0)
            how, lost = self._as_it_runs(run)
            return host_facts.Proof(0, None, None, answer.found + how, lost)
        seen = (answer.slot, answer.release)
        # A rollback is proved by the release that answers; its health is observed separately.
        answered = (
            answer.status not in (502, 504) if run.going_back else answer.status in self._config.health.status
        )
        good = seen == wanted and answered
        before = self._proof[2] if self._proof[:2] == seen else 0
        self._proof = (*seen, before + 1 if good else 0)
        problem = None if seen == wanted else f"{seen[0] or 'no slot'} with {seen[1] or 'no release'}"
        lost = False
        if problem is None and not good:
            how, lost = self._as_it_runs(run)
            problem = f"status {answer.status} from {answer.slot}{how}"
        return host_facts.Proof(self._proof[2], *seen, problem, lost)

    def _as_it_runs(self, run: Run) -> tuple[str, bool]:
        """Return what the engine says of the slot whose answers are bad, after a colon; empty if it just runs.

        And whether its process is not the one that was launched.
        """
        slot, _ = run.wanted_live
        if slot is None:
            return "", False
        try:
            state = self._ports.runtime.slots()[slot]
        except L9Error as error:
            return f": {error.message}", False
        named = f": {state.release or 'nothing'} {state.status}"
        if not state.serves:
            return named, True
        # A start after the launch is none of this run's: the engine, or somebody, has started it again.
        launched = run.acted_at.get(State.BLUE_GREEN_LAUNCH, run.started_at)
        clock = self._ports.clock
        started = state.started_at - clock.shift()
        again = started > launched
        return (f"{named}, started again {clock.now() - started:.1f} s ago" if again else "", again)

    def _bake_round(self, run: Run) -> host_facts.Bake:
        if self._config.bake.seconds == 0:
            return self._bake
        base, host, began = self._config.route.url, self.public_host(), self._ports.clock.now()
        results = (
            self._prober(None).health(self._config.health, base, host),
            *(self._ask(s, base, run.tag) for s in self._config.smoke),
        )
        failed = [r for r in results if not r.ok]
        slot, release = run.wanted_live
        answer = self._ports.router.answering()
        elsewhere = answer.found if answer.differs(slot, release) else ""
        if elsewhere:
            failed.append(_elsewhere(slot, release, elsewhere))
        self._bake = host_facts.Bake(self._bake.rounds + 1, (*self._bake.failures, *failed), elsewhere, began)
        return self._bake

    def _watch_round(self, run: Run) -> host_facts.Watch:
        """Ask the release that users went back to: through the public route, and its slot directly."""
        slot, release = run.wanted_live
        if slot is None or release is None or not run.switched or not self._config.bake.after_rollback:
            return host_facts.Watch()
        gate = State.ROLLBACK if run.going_back else State.WATCH
        began = max(run.entered[gate], run.acted_at.get(gate, 0.0), run.resumed_at)
        state = self._ports.runtime.slots()[slot]
        since, before, first = self._watch
        if since != began:
            before, first = host_facts.Watch(), state
        base, host = self._config.route.url, self.public_host()
        results = (
            self._prober(None).health(self._config.health, base, host),
            *(self._ask(s, base, release) for s in self._config.smoke),
            self._probe(slot),
        )
        failed = [r for r in results if not r.ok]
        answer = self._ports.router.answering()
        if answer.differs(slot, release):
            failed.append(_elsewhere(slot, release, answer.found))
        switched = run.back_since if run.going_back else run.opened_at[State.ROUTE_TRAFFIC]
        if run.resumed_at:  # it was brought up again first, and what users met until then is known
            switched = began
        seen = host_facts.Watch(
            before.asked + len(results) + 1,
            (*before.failures, *failed),
            self._users(slot, switched),
            _replaced(state, release, first),
        )
        self._watch = (began, seen, first)
        return seen

    def _users(self, slot: Slot, since: float) -> f.Traffic | None:
        """Return the answers to users, or None if nobody knows: that alone makes no release unhealthy."""
        try:
            return self._ports.router.traffic(slot, since)
        except L9Error:
            return None

    def _in_flight(self, run: Run) -> host_facts.InFlight:
        if run.left is None:
            return host_facts.InFlight(0)
        requests, streams = self._ports.router.in_flight(run.left)
        direct = self._past_the_router(run.left) if requests == 0 else 0
        users = self._users(run.left, run.started_at)
        answers = users.answers if users else 0
        quiet = requests == 0 and not direct and answers == self._answered
        self._quiet, self._answered = self._quiet + 1 if quiet else 0, answers
        return host_facts.InFlight(requests, streams, self._quiet, direct)

    def _past_the_router(self, slot: Slot) -> int:
        """Return the connections to the slot that are not the router's; as seen a moment ago while there are some."""
        now, (at, direct) = self._ports.clock.now(), self._direct
        if not direct or now - at >= DIRECT_EVERY:
            direct = self._ports.runtime.past_the_router(slot, self._router_port) or 0
            self._direct = (now, direct)
        return direct

    def public_host(self) -> dict[str, str]:
        """Return the public Host header: some applications respond with 400 to any other."""
        host = urlsplit(self._config.target.public_url).netloc
        return {"Host": host} if host else {}


def _elsewhere(slot: Slot | None, release: str | None, found: str) -> host_facts.SmokeResult:
    """Return an answer through the public route that came from another slot or release, as a failure."""
    return host_facts.SmokeResult("public route", f"{slot} with {release}", found, False)


def _replaced(state: f.SlotState, release: str, first: f.SlotState) -> str:
    """Return why the slot's release does not run as it did at the `first` look; empty if it does."""
    # The engine keeps saying so for as long as the container runs.
    if state.oom_killed and not first.oom_killed:
        return "out of memory: killed"
    if not state.serves or state.release != release:
        return f"{state.release or 'nothing'} {state.status} in {state.slot}"
    again = state.restarts - first.restarts
    return f"restarted {again} times" if again > 0 else ""


def _compared(mine: host_facts.SmokeResult, live: host_facts.SmokeResult) -> host_facts.SmokeResult:
    if mine.ok or live.ok:
        return mine
    note = f"{mine.found}; the live release fails it too ({live.found}): this check looks broken"
    return host_facts.SmokeResult(mine.name, mine.expected, note, False)
