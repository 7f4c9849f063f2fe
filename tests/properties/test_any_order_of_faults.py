"""Whatever breaks, and whoever types what meanwhile: nobody is cut off by l9, and a good release comes back.

Four properties, with the names of the checks:
- nobody is cut off by an act of l9's (`users_are_served`);
- the record agrees with what answers, or `l9 status` or `l9 drift` says that it does not (`record_agrees_or_says_so`);
- once all faults are over, every run ends (`Scene.calm_down`);
- from every state that is reached, the printed command, or one of `resume`, `rollback` and `deploy`, brings a good
  release back once all faults are over (`comes_back`, tried on a copy of the host after every step).

`make model` tries 10,000 examples of it, `make test` EXAMPLES.
"""

from __future__ import annotations

from functools import cache, partial

import pytest
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from properties.scene import IN_A_RUN, Beside, Scene
from world.acts import times
from world.behaviour import GOOD, GOOD_ENOUGH, REFUSED_AFTER_THE_SWITCH, REFUSED_BEFORE_THE_SWITCH
from world.cuts import JOURNAL, PORT
from world.faults import FAULTS
from world.host import World

BEHAVIOURS = {**GOOD_ENOUGH, **REFUSED_BEFORE_THE_SWITCH, **REFUSED_AFTER_THE_SWITCH}
NAMES = [*BEHAVIOURS, *(name for name in GOOD_ENOUGH for _ in range(3))]
ACTS = (
    "router.switch", "router.label", "runtime.start", "runtime.stop", "runtime.wake", "runtime.pause",
    "runtime.remove", "runtime.evict", "runtime.restore", "runtime.prune", "runtime.slots", "runtime.logs",
    "router.answering", "router.problem", "record.write", "env.write", "env.restore", "source.checkout",
)  # fmt: skip

names = st.sampled_from(NAMES)
lasts = st.sampled_from([None, 0.3, 5.0, 60.0, 200.0])  # seconds; None: until it is ended
meanwhile = st.lists(
    st.tuples(st.sampled_from([JOURNAL, PORT]), st.integers(1, 60), st.sampled_from(IN_A_RUN), lasts),
    max_size=3,
)


@cache
def after_good_releases(count: int) -> Scene:
    """So many good releases went live, one after the other."""
    scene = Scene()
    for _ in range(count):
        scene.run(partial(scene.deploy_new, GOOD))
        assert scene.is_good()
    return scene


class AnyFault(RuleBasedStateMachine):
    """One host, two operators, a timer, users, and everything that can break."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()

    @property
    def world(self) -> World:
        return self.scene.world

    @initialize(releases=st.sampled_from([2, 2, 2, 1, 1, 0]))
    def good_releases(self, releases: int) -> None:
        """Of hosts on which nothing was ever live, there is little to be lost."""
        self.scene = after_good_releases(releases).fork()

    # ── what happens ─────────────────────────────────────────────────────────────────────────────

    @rule(name=names, beside=meanwhile)
    def deploy(self, name: str, beside: Beside) -> None:
        self.scene.run(partial(self.scene.deploy_new, BEHAVIOURS[name]), beside)

    @rule(data=st.data(), beside=meanwhile)
    def deploy_again(self, data: st.DataObject, beside: Beside) -> None:
        if known := sorted(self.world.machine.releases):
            tag = data.draw(st.sampled_from(known))
            self.scene.run(partial(self.world.deploy, tag), beside)

    @rule(what=st.sampled_from(["rollback", "resume", "tick"]), beside=meanwhile)
    def command(self, what: str, beside: Beside) -> None:
        self.scene.run(getattr(self.world, what), beside)

    @rule()
    def provision(self) -> None:
        self.scene.run(self.world.provision)

    @rule(name=st.sampled_from(sorted(FAULTS)), seconds=lasts)
    def fault(self, name: str, seconds: float | None) -> None:
        self.scene.begin(name, seconds)

    @rule(data=st.data())
    def fault_ends(self, data: st.DataObject) -> None:
        if self.scene.on:
            self.scene.end(data.draw(st.sampled_from(sorted(self.scene.on))))

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
        self.scene.users_are_served()

    @invariant()
    def record_agrees_or_says_so(self) -> None:
        self.scene.record_agrees_or_says_so()

    @invariant()
    def lock_is_free_between_commands(self) -> None:
        assert self.world.lock.holder() is None

    @invariant()
    def comes_back(self) -> None:
        """Were it left like this: once faults are over, runs end, and a good release comes back."""
        self._comes_back(self.scene.fork())

    def teardown(self) -> None:
        """However it is left, the next good release goes live."""
        event(f"brought back by: {self._comes_back(self.scene)}")
        self.scene.deploys_a_good_one()
        self.scene.users_are_served()
        self.scene.record_agrees_or_says_so()

    @staticmethod
    def _comes_back(scene: Scene) -> str:
        scene.calm_down()
        how = scene.brought_back()
        scene.users_are_served()
        scene.record_agrees_or_says_so()
        return how


TestAnyFault = AnyFault.TestCase
EXAMPLES = settings.default.max_examples if settings.get_current_profile_name() == "model" else 500
TestAnyFault.settings = settings(max_examples=EXAMPLES, stateful_step_count=15)
TestAnyFault.pytestmark = [pytest.mark.timeout(1500 if EXAMPLES > 500 else 300)]
