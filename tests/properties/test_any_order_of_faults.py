"""Whatever breaks, and whoever types what meanwhile: nobody is cut off by l9, and a good release comes back.

Four properties, with the names of the checks below:
- nobody is cut off by an act of l9's (`users_are_served`);
- the record agrees with what answers, or `l9 status` or `l9 drift` says that it does not (`record_agrees_or_says_so`);
- once all faults are over, every run ends (`teardown`);
- from every state that can be reached, the printed command, or one of `resume`, `rollback` and `deploy`, brings a good
  release back (`teardown`).

`make model` tries 10,000 examples of it, `make test` 350.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import event, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from l9.errors import L9Error
from world import faults, operator
from world.acts import times
from world.behaviour import (
    GOOD,
    GOOD_ENOUGH,
    REFUSED_AFTER_THE_SWITCH,
    REFUSED_BEFORE_THE_SWITCH,
    Behaviour,
)
from world.clock import Stuck
from world.cuts import JOURNAL, PORT, Crash
from world.faults import FAULTS
from world.host import World

BEHAVIOURS = {**GOOD_ENOUGH, **REFUSED_BEFORE_THE_SWITCH, **REFUSED_AFTER_THE_SWITCH}
NAMES = [*BEHAVIOURS, *(name for name in GOOD_ENOUGH for _ in range(3))]
DIES, DIES_WRITING = "l9 is killed", "l9 is killed within a line of the journal"
SECOND = ("deploy", "rollback", "resume", "tick", "provision")
IN_A_RUN = (DIES, DIES_WRITING, *SECOND, *(name for name, fault in FAULTS.items() if not fault.between))
ACTS = (
    "router.switch", "router.label", "runtime.start", "runtime.stop", "runtime.wake", "runtime.pause",
    "runtime.remove", "runtime.evict", "runtime.restore", "runtime.prune", "runtime.slots", "runtime.logs",
    "router.answering", "router.problem", "record.write", "env.write", "env.restore", "source.checkout",
)  # fmt: skip
ROUNDS = 4  # of following what is printed

names = st.sampled_from(NAMES)
lasts = st.sampled_from([None, 0.3, 5.0, 60.0, 200.0])  # seconds; None: until it is ended
meanwhile = st.lists(
    st.tuples(st.sampled_from([JOURNAL, PORT]), st.integers(1, 60), st.sampled_from(IN_A_RUN), lasts),
    max_size=3,
)


class AnyFault(RuleBasedStateMachine):
    """One host, two operators, a timer, users, and everything that can break."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.count = 0
        self.on: set[str] = set()
        self.waiting: list[str] = []  # what the second operator has typed with --wait

    # ── what happens ─────────────────────────────────────────────────────────────────────────────

    @rule(name=names, beside=meanwhile)
    def deploy(self, name: str, beside: list[tuple[str, int, str, float | None]]) -> None:
        self._run(lambda: self._deploy_new(BEHAVIOURS[name]), beside)

    @rule(data=st.data(), beside=meanwhile)
    def deploy_again(self, data: st.DataObject, beside: list[tuple[str, int, str, float | None]]) -> None:
        if known := sorted(self.world.machine.releases):
            tag = data.draw(st.sampled_from(known))
            self._run(lambda: self.world.deploy(tag), beside)

    @rule(what=st.sampled_from(["rollback", "resume", "tick"]), beside=meanwhile)
    def command(self, what: str, beside: list[tuple[str, int, str, float | None]]) -> None:
        self._run(lambda: getattr(self.world, what)(), beside)

    @rule()
    def provision(self) -> None:
        self._run(self.world.provision)

    @rule(name=st.sampled_from(sorted(FAULTS)), seconds=lasts)
    def fault(self, name: str, seconds: float | None) -> None:
        self._begin(name, seconds)

    @rule(data=st.data())
    def fault_ends(self, data: st.DataObject) -> None:
        if self.on:
            self._end(data.draw(st.sampled_from(sorted(self.on))))

    @rule(name=st.sampled_from(ACTS), count=st.integers(1, 3), after=st.integers(0, 4))
    def act_fails(self, name: str, count: int, after: int) -> None:
        self.world.acts.failing[name] = times(count, after=after)

    @rule(seconds=st.sampled_from([0.05, 1.0, 30.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule(slow=st.sampled_from([0.0, 0.1, 0.3]))
    def users_change(self, slow: float) -> None:
        self.world.machine.slow = slow

    # ── what must hold ───────────────────────────────────────────────────────────────────────────

    @invariant()
    def users_are_served(self) -> None:
        """What a fault does to users is the fault's: `Monitor.theirs` and `Machine.moved` have the rules."""
        assert self.world.monitor.violations == []
        assert self.world.monitor.failed == 0, self.world.machine.lost
        assert self.world.machine.hung_streams == 0

    @invariant()
    def record_agrees_or_says_so(self) -> None:
        machine, entry = self.world.machine, self.world.journal.last_finished()
        served = machine.front == "router" and machine.healthy(machine.active)
        public = (machine.active, machine.release(machine.active)) if served else None
        recorded = (entry.body.slot, entry.body.live) if entry is not None and entry.body.live else None
        if public != recorded:
            assert operator.said(self.world), f"{public} is public, {recorded} on record, and nobody says so"

    @invariant()
    def lock_is_free_between_commands(self) -> None:
        assert self.world.lock.holder() is None

    def teardown(self) -> None:
        """However it is left: once faults are over, runs end, and a good release comes back."""
        self.world.acts.failing.clear()
        self.world.cuts.calm()
        for name in sorted(self.on):
            self._end(name)
        self._run(self.world.recover)
        faults.end(self.world, "the .env is gone")  # a run that found none put that back: a person writes one
        last = self.world.last()
        assert last is None or last.finished is not None or self.world.runs().outdated(), "a run does not end"
        event(f"brought back by: {self._brought_back()}")
        run = self._run(lambda: self._deploy_new(GOOD))
        assert self._good(), f"after everything, a good release does not go live: {run}"
        self.users_are_served()
        self.record_agrees_or_says_so()

    # ── within ───────────────────────────────────────────────────────────────────────────────────

    def _brought_back(self) -> str:
        """Follow what is printed, then try the three commands, until a good release is live; return which did it."""
        if self._good():
            return "nothing was lost"
        for _ in range(ROUNDS):
            for _found, command in operator.said(self.world):
                self._run(lambda command=command: operator.types(self.world, command))
                if self._good():
                    return "what was printed"
        for what in ("resume", "rollback"):
            self._run(getattr(self.world, what))
            if self._good():
                return what
        return "deploy"

    def _good(self) -> bool:
        live = self.world.live
        return (
            self.world.machine.front == "router"
            and live is not None
            and self.world.machine.releases[live] in GOOD_ENOUGH.values()
        )

    def _deploy_new(self, behaviour: Behaviour) -> object:
        self.count += 1
        # Every other one brings its environment along.
        env = f"L9_EXECUTOR_API_KEY=secret-{self.count}\n" if self.count % 2 else None
        return self.world.deploy(f"v1.0.{self.count}-l9", behaviour, env)

    def _run(
        self, act: Callable[[], object], beside: list[tuple[str, int, str, float | None]] | None = None
    ) -> object:
        """Do it while all that happens beside it; errors are for the operator, and a crash leaves it interrupted."""
        for kind, at, what, seconds in beside or ():
            if what in (DIES, DIES_WRITING):
                within = what == DIES_WRITING
                self.world.cuts.arm(JOURNAL if within else kind, at, within=within)
            elif what in SECOND:
                self.world.cuts.meanwhile(kind, at, lambda what=what, wait=seconds: self._second(what, wait))
            else:
                self.world.cuts.meanwhile(
                    kind, at, lambda what=what, seconds=seconds: self._begin(what, seconds)
                )
        result: object = None
        try:
            result = act()
        except (Crash, L9Error) as error:
            note(f"{type(error).__name__}: {error}")
            result = error
        except Stuck as stuck:
            raise AssertionError(str(stuck)) from stuck
        self.world.cuts.calm()
        while self.waiting:
            self._run(self._typed(self.waiting.pop()))
        return result

    def _second(self, what: str, wait: float | None) -> None:
        """Another operator, while the first one's run goes on: refused at once, or waits for its end."""
        before, limit = self.world.journal.size(), self.world.clock.limit
        held = self.world.lock.holder()
        if held is None:
            return  # a look, or a moment before the lock was taken
        refused = operator.attempt(self._typed(what))
        if what != "tick":  # which says that it is busy
            assert refused is not None, "two runs at once"
            assert refused.exit_code == 6
        assert self.world.journal.size() == before
        assert self.world.lock.holder() == held
        self.world.clock.limit = limit
        if wait is not None:
            self.waiting.append(what)

    def _typed(self, what: str) -> Callable[[], object]:
        return (lambda: self._deploy_new(GOOD)) if what == "deploy" else getattr(self.world, what)

    def _begin(self, name: str, seconds: float | None) -> None:
        faults.begin(self.world, name)
        if FAULTS[name].off is not None:
            self.on.add(name)
            if seconds is not None:
                self.world.clock.after(seconds, lambda: self._end(name))

    def _end(self, name: str) -> None:
        if name in self.on:
            self.on.discard(name)
            faults.end(self.world, name)


TestAnyFault = AnyFault.TestCase
EXAMPLES = settings.default.max_examples if settings.get_current_profile_name() == "model" else 350
TestAnyFault.settings = settings(max_examples=EXAMPLES, stateful_step_count=15)
TestAnyFault.pytestmark = [pytest.mark.timeout(1500 if EXAMPLES > 350 else 300)]
