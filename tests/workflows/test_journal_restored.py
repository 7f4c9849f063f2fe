"""The journal is older than the host: nothing is resumed, stopped or pruned by it, and the next run mends it."""

from __future__ import annotations

import pytest

from l9.core.states import State
from l9.errors import JournalBroken
from l9.host import queries
from world.ending import assert_ended
from world.host import World

from .conftest import V1, V2, V3, V4


def entries(world: World) -> int:
    return len(list(world.journal.entries()))


@pytest.fixture
def restored(one: World) -> World:
    """v3 is live, v2 stands by, and the journal is that of the moment in which v2 was being deployed."""
    before = entries(one)
    assert one.deploy(V2).outcome is State.SUCCESS
    assert one.deploy(V3).outcome is State.SUCCESS
    one.journal.restore(before + 20)
    last = one.last()
    assert last is not None and last.tag == V2 and last.finished is None
    return one


def test_an_old_run_is_not_resumed(restored: World) -> None:
    for act in (restored.resume, restored.tick):
        with pytest.raises(JournalBroken, match="restored from a backup") as refused:
            act()
        assert refused.value.remedy == f"l9 deploy {V3} --again"
    assert restored.live == V3
    assert restored.idle == (V2, "paused")


def test_a_standby_is_not_stopped_by_an_old_end(two: World) -> None:
    before = entries(two)
    two.wait(3000)
    assert two.deploy(V3).outcome is State.SUCCESS
    two.journal.restore(before)
    with pytest.raises(JournalBroken):
        queries.tick(two.runs())
    assert two.idle == (V2, "paused")


@pytest.mark.parametrize("kept", [0, None])
def test_the_next_deploy_removes_nothing_and_mends_the_record(restored: World, kept: int | None) -> None:
    if kept is not None:
        restored.journal.restore(kept)  # emptied
    assert_ended(restored, restored.deploy(V4), State.SUCCESS, live=V4, idle=(V3, "paused"))
    assert {V1, V2, V3, V4} <= restored.machine.trees
    assert restored.runs().outdated() is None
    assert restored.resume() is None


@pytest.mark.parametrize("kept", [20, 40, 50])
def test_a_journal_cut_within_the_run_that_is_live_takes_nothing_back(one: World, kept: int) -> None:
    """It was the first: by what is left of the journal, nothing was live before, and nobody is on its slot."""
    one.journal.restore(kept)
    with pytest.raises(JournalBroken, match="restored from a backup"):
        one.resume()
    (found,) = queries.drift(one.runs()).drift
    assert (found.what, found.remedy) == ("journal", f"l9 deploy {V1} --again")
    assert_ended(one, one.deploy(V2), State.SUCCESS, live=V2, idle=(V1, "paused"))


def test_drift_says_so(restored: World) -> None:
    (found,) = queries.drift(restored.runs()).drift
    assert (found.what, found.remedy) == ("journal", f"l9 deploy {V3} --again")
    assert_ended(restored, restored.deploy(V3), State.SUCCESS, live=V3, idle=(V3, "paused"))
    assert queries.drift(restored.runs()).drift == ()
