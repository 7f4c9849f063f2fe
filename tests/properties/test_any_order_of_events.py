"""Whatever is deployed, killed, crashed and waited for, in whatever order: what must never be, never is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from l9.core import events as ev
from l9.core.run import Run, fold
from l9.core.states import Slot, State
from l9.errors import L9Error
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
from world.ending import without_standby
from world.host import World

BEHAVIOURS = {**GOOD_ENOUGH, **REFUSED_BEFORE_THE_SWITCH, **REFUSED_AFTER_THE_SWITCH}
# Good ones more often: a host on which nothing ever succeeds is soon explored.
NAMES = [*BEHAVIOURS, *(name for name in GOOD_ENOUGH for _ in range(3))]
ACTS = (
    "router.switch", "router.label", "runtime.start", "runtime.stop", "runtime.wake", "runtime.pause",
    "runtime.remove", "runtime.evict", "runtime.restore", "runtime.prune", "runtime.build", "source.fetch",
    "source.checkout", "source.remove_tree", "record.write", "env.write", "env.restore",
)  # fmt: skip
LOOKS = (
    "runtime.slots",
    "runtime.logs",
    "router.active",
    "router.in_flight",
    "router.traffic",
    "router.problem",
)

AFTER_THE_END = ev.ActionIntended | ev.ActionDone | ev.ActionFailed

names = st.sampled_from(NAMES)
cuts = st.tuples(st.sampled_from([JOURNAL, PORT]), st.integers(1, 60))


class AnyOrder(RuleBasedStateMachine):
    """One host, with an operator, a timer, users, and somebody who kills processes."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.count = 0
        self.succeeded: set[str] = set()
        self.person_needed = False  # whether a FAIL-STATE may have left both slots running
        self.faulty = False  # whether the host itself was made to fail, so that a person may be needed

    # ── what happens ─────────────────────────────────────────────────────────────────────────────

    @rule(name=names)
    def deploy(self, name: str) -> None:
        before, calm, alone = without_standby(self.world.state()), self._calm(), not self.world.running
        run = self._ran(lambda: self._deploy_new(BEHAVIOURS[name]))
        if calm and run is not None:
            good = name in GOOD_ENOUGH or (alone and BEHAVIOURS[name].healthy_alone)
            assert (run.outcome is State.SUCCESS) is good, f"{name} ended {run.outcome}"
            if not good and self.world.live is not None:
                assert without_standby(self.world.state()) == before

    @rule(data=st.data())
    def deploy_again(self, data: st.DataObject) -> None:
        known = sorted(self.world.machine.releases)
        if known:
            tag = data.draw(st.sampled_from(known))
            self._ran(lambda: self.world.deploy(tag))

    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        tag = data.draw(st.sampled_from([None, None, *sorted(self.world.machine.releases)]))
        self._ran(lambda: self.world.rollback(tag))

    @rule(name=names, cut=cuts)
    def deploy_and_die(self, name: str, cut: tuple[str, int]) -> None:
        self.world.cuts.arm(*cut)
        self._ran(lambda: self._deploy_new(BEHAVIOURS[name]))

    @rule(cut=cuts)
    def roll_back_and_die(self, cut: tuple[str, int]) -> None:
        self.world.cuts.arm(*cut)
        self._ran(self.world.rollback)

    @precondition(lambda self: self._interrupted())
    @rule(forward=st.booleans())
    def recover(self, forward: bool) -> None:
        self._ran(lambda: self.world.recover(forward=forward))

    @precondition(lambda self: self._interrupted())
    @rule(cut=cuts)
    def recover_and_die(self, cut: tuple[str, int]) -> None:
        self.world.cuts.arm(*cut)
        self._ran(self.world.recover)

    @rule()
    def tick(self) -> None:
        self._ran(lambda: self.world.tick()[0])

    @rule(cut=st.tuples(st.sampled_from([JOURNAL, PORT]), st.integers(1, 2)))
    def time_passes_and_the_tick_dies(self, cut: tuple[str, int]) -> None:
        self.world.wait(700.0)
        self.world.cuts.arm(*cut)
        self._ran(lambda: self.world.tick()[0])

    @rule(seconds=st.sampled_from([0.05, 1.0, 30.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule(slot=st.sampled_from(Slot))
    def somebody_kills(self, slot: Slot) -> None:
        self.world.machine.kill(slot)

    @rule()
    def reboot(self) -> None:
        self.world.machine.reboot()

    @rule(name=st.sampled_from(ACTS + LOOKS), count=st.integers(1, 3), after=st.integers(0, 4))
    def host_fails(self, name: str, count: int, after: int) -> None:
        self.world.acts.failing[name] = times(count, after=after)
        self.faulty = True

    @rule(slow=st.sampled_from([0.0, 0.1, 0.3]), streams=st.integers(0, 2), counted=st.booleans())
    def users_change(self, slow: float, streams: int, counted: bool) -> None:
        machine = self.world.machine
        machine.slow = slow
        if machine.serves(machine.active):
            machine.streams[machine.active] = streams
        self.world.router.counts_flight = counted

    # ── what must hold ───────────────────────────────────────────────────────────────────────────

    @invariant()
    def users_are_served(self) -> None:
        """No outage, no route to a sick slot, no request lost, no stream left hanging: not by l9's doing."""
        assert self.world.monitor.violations == []
        assert self.world.monitor.failed == 0, self.world.machine.lost
        assert self.world.machine.hung_streams == 0

    @invariant()
    def every_run_that_was_driven_ended(self) -> None:
        for run in self.world.ended[-1:]:
            assert run.finished is not None

    @invariant()
    def journal_tells_the_run(self) -> None:
        last = self.world.last()
        if self.world.ended and last is not None and last.id == self.world.ended[-1].id:
            entries = self.world.journal.last_run()
            (end,) = (n for n, e in enumerate(entries) if isinstance(e.body, ev.RunFinished))
            assert fold(entries[: end + 1]) == self.world.ended[-1]  # after it comes the end of the standby
            assert all(isinstance(e.body, AFTER_THE_END) for e in entries[end + 1 :])

    @invariant()
    def at_most_one_slot_is_live(self) -> None:
        machine = self.world.machine
        if not self._interrupted() and not self.person_needed:
            assert not machine.runs(machine.active.other)

    @invariant()
    def only_what_succeeded_is_good(self) -> None:
        entry = self.world.journal.last_finished()
        if entry is not None:
            assert set(entry.body.good) <= self.succeeded
            assert set(entry.body.good) <= set(entry.body.retained)

    @invariant()
    def what_is_needed_is_kept(self) -> None:
        """Each release in a slot, and each rollback candidate, has its image and its tree."""
        machine, entry = self.world.machine, self.world.journal.last_finished()
        standing = {machine.release(slot) for slot in Slot} - {None}
        if entry is None or self._interrupted() or entry.body.outcome is State.FAIL_STATE:
            return
        needed = standing | set(entry.body.good)
        assert needed <= set(machine.built)
        assert needed <= machine.trees

    def teardown(self) -> None:
        """However it is left: what was interrupted ends, and a good release goes live."""
        self.world.acts.failing.clear()
        self.world.router.counts_flight = True
        self._ran(self.world.recover)
        run = self._ran(lambda: self._deploy_new(GOOD))
        assert run is not None
        assert run.outcome is State.SUCCESS, run.closed
        assert self.world.live == run.tag
        self.users_are_served()
        self.world.journal.verify()

    # ── within ───────────────────────────────────────────────────────────────────────────────────

    def _deploy_new(self, behaviour: Behaviour) -> Run:
        self.count += 1
        # Every other one brings its environment along.
        env = f"L9_EXECUTOR_API_KEY=secret-{self.count}\n" if self.count % 2 else None
        return self.world.deploy(f"v1.0.{self.count}-l9", behaviour, env)

    def _ran(self, act: Callable[[], Run | None]) -> Run | None:
        """Do it; the run where there was one. A crash leaves it interrupted, and errors are for the operator."""
        driven = len(self.world.ended)
        try:
            run = act()
        except (Crash, L9Error):
            run = None
        except Stuck as stuck:
            raise AssertionError(str(stuck)) from stuck
        self.world.cuts.arm("", 0)
        # The last one may have ended, and its deployer been killed right after.
        ended = [*self.world.ended[driven:], self.world.last()]
        for one in filter(None, ended):
            if one.outcome is State.SUCCESS or one.kept_on:
                self.succeeded.add(one.tag)
            if one.outcome in (State.SUCCESS, State.FAIL_STATE):
                self.person_needed = one.outcome is State.FAIL_STATE
        return run

    def _interrupted(self) -> bool:
        last = self.world.last()
        return last is not None and last.finished is None

    def _calm(self) -> bool:
        """True if nothing but the release itself can make a deploy fail."""
        machine = self.world.machine
        live = machine.slots[machine.active]
        sound = live is None or live.behaviour in GOOD_ENOUGH.values()
        return sound and not self.faulty and not self._interrupted()


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=25)
TestAnyOrder.pytestmark = [pytest.mark.timeout(300)]
