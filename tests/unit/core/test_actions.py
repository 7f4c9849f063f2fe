"""Actions and their undos."""

from __future__ import annotations

import pytest

from l9.core import actions as do
from l9.core.states import Slot, SlotStatus

GREEN = {"slot": Slot.GREEN, "release": "v0.5.1-l9"}


@pytest.mark.parametrize(
    ("action", "undo"),
    [
        (do.AddTree(tag="v1"), do.RemoveTree(tag="v1")),
        (do.AddTree(tag="v1", created_by_run=False), None),
        (do.EvictSlot(**GREEN), do.RestoreSlot(**GREEN)),
        (do.StartSlot(**GREEN), do.RemoveSlot(**GREEN)),
        (do.WakeSlot(**GREEN), do.PauseSlot(**GREEN)),
        (do.WakeSlot(**GREEN, was=SlotStatus.EXITED), do.StopSlot(**GREEN)),
        (do.PauseSlot(**GREEN), do.WakeSlot(**GREEN, was=SlotStatus.PAUSED)),
        (do.SwitchRoute(to=Slot.GREEN, back=Slot.BLUE), do.SwitchRoute(to=Slot.BLUE, back=Slot.GREEN)),
        (do.RecordRelease(tag="v1", commit="c"), None),
        (do.FetchTag(tag="v1"), None),
    ],
    ids=str,
)
def test_each_action_names_what_takes_it_back(action: do.AnyAction, undo: do.AnyAction | None) -> None:
    assert action.undo() == undo


def test_an_action_reads_like_a_command_without_empty_fields() -> None:
    assert str(do.StartSlot(**GREEN)) == "start-slot slot=green release=v0.5.1-l9"
    assert str(do.Push(tag="")) == "push"
    assert str(do.BuildImage(tag="v1", commit="c", no_cache=True)) == "build-image tag=v1 commit=c no_cache"


def test_an_action_that_a_journal_tells_in_short_is_the_usual_one() -> None:
    assert not do.BuildImage(tag="v1", commit="c").no_cache
    assert do.AddTree(tag="v1").created_by_run
    assert do.WakeSlot(**GREEN).was is SlotStatus.PAUSED
