"""Test cases for a host that differs from its journal."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from l9.checks.host.drift import Drift, find_drift
from l9.core import events as ev
from l9.core import facts as f
from l9.core.states import Slot, State
from samples import BEFORE, COMMIT, GOOD, TAG, slots

RECORDED = ev.RunFinished(
    outcome=State.SUCCESS, live=TAG, slot=Slot.GREEN, standby=BEFORE, exit_code=0, seconds=9.0
)
AS_RECORDED: dict[str, Any] = {
    "recorded": RECORDED,
    "root": "/opt/my l9",
    "files": (),
    "head": COMMIT,
    "expected_head": COMMIT,
    "deployed_tag": TAG,
    "slots": slots(),
    "active": Slot.GREEN,
    "image": GOOD[f.Image],
}
AGAIN = f"l9 deploy {TAG} --again"


def drift(**changed: Any) -> tuple[Drift, ...]:
    return find_drift(**{**AS_RECORDED, **changed})


def test_a_host_as_recorded_has_none() -> None:
    assert drift() == ()
    assert drift(image=None) == ()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"head": None}, Drift("checkout", f"{TAG} ({COMMIT[:12]})", "None", AGAIN)),
        ({"deployed_tag": BEFORE}, Drift(".deployed-tag", TAG, BEFORE, AGAIN)),
        ({"active": Slot.BLUE}, Drift("route", "traffic to green", "to blue", AGAIN)),
        (
            {"slots": slots(new={"status": "exited"})},
            Drift("slot", f"{TAG} running in green", f"{TAG} exited", AGAIN),
        ),
        (
            {"slots": slots(new={"release": BEFORE})},
            Drift("slot", f"{TAG} running in green", f"{BEFORE} running", AGAIN),
        ),
        (
            {"slots": slots(new={"image": "sha256:other"})},
            Drift("image", GOOD[f.Image].digest, "sha256:other", AGAIN),
        ),
    ],
    ids=lambda value: value.what if isinstance(value, Drift) else "",
)
def test_each_difference_is_named_with_what_mends_it(changed: dict[str, Any], expected: Drift) -> None:
    assert drift(**changed) == (expected,)


def test_every_edited_file_is_named_and_can_be_put_aside() -> None:
    first, second = drift(files=("api/main.py", "notes of today.txt"))
    assert first.found == "api/main.py was edited"
    assert shlex.split(second.remedy) == [
        "git", "-C", "/opt/my l9", "stash", "push", "--include-untracked", "--", "notes of today.txt",
    ]  # fmt: skip


def test_all_differences_are_told_at_once() -> None:
    found = drift(
        files=("a",), head="9" * 40, deployed_tag=None, active=Slot.BLUE, slots=slots(new={"image": "x"})
    )
    assert [d.what for d in found] == ["file", "checkout", ".deployed-tag", "route", "image"]


def test_where_nothing_was_deployed_nothing_can_differ() -> None:
    nothing = ev.RunFinished(
        outcome=State.REFUSED, live=None, slot=None, standby=None, exit_code=3, seconds=1.0
    )
    assert drift(recorded=None, files=("a",)) == ()
    assert drift(recorded=nothing, files=("a",)) == ()


def test_without_a_recorded_slot_the_route_says_which_one_is_live() -> None:
    elsewhere = ev.RunFinished(
        outcome=State.SUCCESS, live=TAG, slot=None, standby=None, exit_code=0, seconds=9.0
    )
    assert drift(recorded=elsewhere) == ()
