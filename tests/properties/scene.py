"""A host on which anything may happen at any time: two operators, a timer, users, and everything that can break."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

from hypothesis import note

from l9.core.run import Run
from l9.errors import L9Error
from world import faults, operator
from world.behaviour import GOOD, GOOD_ENOUGH, Behaviour
from world.clock import Stuck
from world.cuts import JOURNAL, Crash
from world.faults import FAULTS
from world.host import World

# What happens beside a run: at a point of which kind, at which of them, what, and for how many seconds.
Beside = list[tuple[str, int, str, float | None]]
DIES, DIES_WRITING = "l9 is killed", "l9 is killed within a line of the journal"
SECOND = ("deploy", "rollback", "resume", "tick", "provision")
IN_A_RUN = (DIES, DIES_WRITING, *SECOND, *(name for name, fault in FAULTS.items() if not fault.between))
ROUNDS = 4  # of following what is printed


class Scene:
    """`count` numbers the releases. `on`: the faults that are there. `waiting`: what was typed with --wait."""

    def __init__(self) -> None:
        self.world = World()
        self.count = 0
        self.on: set[str] = set()
        self.waiting: list[str] = []

    def fork(self) -> Scene:
        """The same scene a second time, between two commands, to try something else in it."""
        return copy.deepcopy(self, {id(one): one for one in self.world.unchanging()})

    # ── what happens ─────────────────────────────────────────────────────────────────────────────

    def deploy_new(self, behaviour: Behaviour) -> Run:
        self.count += 1
        # Every other one brings its environment along.
        env = f"L9_EXECUTOR_API_KEY=secret-{self.count}\n" if self.count % 2 else None
        return self.world.deploy(f"v1.0.{self.count}-l9", behaviour, env)

    def run(self, act: Callable[[], object], beside: Beside | None = None) -> object:
        """Do it while all that happens beside it; errors are for the operator, and a crash leaves it interrupted."""
        for kind, at, what, seconds in beside or ():
            if what in (DIES, DIES_WRITING):
                within = what == DIES_WRITING
                self.world.cuts.arm(JOURNAL if within else kind, at, within=within)
            elif what in SECOND:
                self.world.cuts.meanwhile(kind, at, partial(self._second, what, seconds))
            else:
                self.world.cuts.meanwhile(kind, at, partial(self.begin, what, seconds))
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
            self.run(self._typed(self.waiting.pop()))
        return result

    def begin(self, name: str, seconds: float | None) -> None:
        """A fault is there from now on, for so many seconds, or until it is ended."""
        faults.begin(self.world, name)
        if FAULTS[name].off is not None:
            self.on.add(name)
            if seconds is not None:
                self.world.clock.after(seconds, partial(self.end, name))

    def end(self, name: str) -> None:
        if name in self.on:
            self.on.discard(name)
            faults.end(self.world, name)

    def _second(self, what: str, wait: float | None) -> None:
        """Another operator, while the first one's run goes on: refused at once, or waits for its end."""
        before, limit = self.world.journal.size(), self.world.clock.limit
        held = self.world.lock.holder()
        if held is None:
            return  # a look, or a moment before the lock was taken
        refused = operator.attempt(self._typed(what))
        if what != "tick":  # which says that it is busy
            assert refused is not None, "two runs at once"
            assert refused.exit_code == 6 or self.world.lock.refuses  # which the disk says first
        assert self.world.journal.size() == before
        assert self.world.lock.holder() == held
        self.world.clock.limit = limit
        if wait is not None:
            self.waiting.append(what)

    def _typed(self, what: str) -> Callable[[], object]:
        return partial(self.deploy_new, GOOD) if what == "deploy" else getattr(self.world, what)

    # ── how it ends ──────────────────────────────────────────────────────────────────────────────

    def calm_down(self) -> None:
        """All faults are over; what was interrupted is recovered, and every run has ended."""
        self.world.acts.failing.clear()
        self.world.cuts.calm()
        for name in sorted(self.on):
            self.end(name)
        self.run(self.world.recover)
        faults.end(self.world, "the .env is gone")  # a run that found none put that back: a person writes one
        last = self.world.last()
        assert last is None or last.finished is not None or self.world.runs().outdated(), "a run does not end"

    def brought_back(self) -> str:
        """Follow what is printed, then try the three commands, until a good release is live; return which did it.

        Raises AssertionError if none does.
        """
        if self.is_good():
            return "nothing was lost"
        for _ in range(ROUNDS):
            for _found, command in operator.said(self.world):
                self.run(partial(operator.types, self.world, command))
                if self.is_good():
                    return "what was printed"
        for what in ("resume", "rollback"):
            self.run(getattr(self.world, what))
            if self.is_good():
                return what
        self.deploys_a_good_one()
        return "deploy"

    def deploys_a_good_one(self) -> None:
        run = self.run(partial(self.deploy_new, GOOD))
        assert self.is_good(), f"after everything, a good release does not go live: {run}"

    def is_good(self) -> bool:
        """True if users are served by a good release."""
        live = self.world.live
        return (
            self.world.machine.front == "router"
            and live is not None
            and self.world.machine.releases[live] in GOOD_ENOUGH.values()
        )

    # ── what must hold ───────────────────────────────────────────────────────────────────────────

    def users_are_served(self) -> None:
        """What a fault does to users is the fault's: `Monitor.theirs` and `Machine.moved` have the rules."""
        assert self.world.monitor.violations == []
        assert self.world.monitor.failed == 0, self.world.machine.lost
        assert self.world.machine.hung_streams == 0

    def record_agrees_or_says_so(self) -> None:
        machine, entry = self.world.machine, self.world.journal.last_finished()
        served = machine.front == "router" and machine.healthy(machine.active)
        public = (machine.active, machine.release(machine.active)) if served else None
        recorded = (entry.body.slot, entry.body.live) if entry is not None and entry.body.live else None
        if public != recorded:
            assert operator.said(self.world), f"{public} is public, {recorded} on record, and nobody says so"
