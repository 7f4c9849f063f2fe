"""Test cases for a host that differs from its journal."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from msgspec.structs import replace

from l9.checks.host.drift import Drift, find_drift, public_drift
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
    "slots": slots(old={"status": "paused"}),
    "active": Slot.GREEN,
    "image": GOOD[f.Image],
    "answer": GOOD[f.Answering],
    "running": False,
}
FROM_BLUE = f.Answering(Slot.BLUE, BEFORE, 200, "status 200 from blue")
FROM_NOBODY = f.Answering(None, None, 404, "status 404 from no slot")
HUNG = f.Answering(None, None, None, "timed out")
AWAY = f.Answering(None, None, None, "connection refused", accepted=False)
TOO_SLOW = f.Answering(Slot.GREEN, TAG, 504, "status 504 from green")
BAD_GATEWAY = f.Answering(Slot.GREEN, TAG, 502, "status 502 from green")
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
        ({"head": "9" * 40}, Drift("checkout", f"{TAG} ({COMMIT[:12]})", "9" * 12, AGAIN)),
        ({"stopped": ("postgres",)}, Drift("service", "postgres running", "stopped", "l9 resume")),
        ({"deployed_tag": BEFORE}, Drift(".deployed-tag", TAG, BEFORE, AGAIN)),
        ({"active": Slot.BLUE}, Drift("route", "traffic to green", "to blue", "l9 resume")),
        (
            {"slots": slots(old={"status": "paused"}, new={"status": "exited"})},
            Drift("slot", f"{TAG} running in green", f"{TAG} exited", "l9 resume"),
        ),
        (
            {"slots": slots(old={"status": "paused"}, new={"status": "absent", "release": None})},
            Drift("slot", f"{TAG} running in green", "None absent", AGAIN),
        ),
        (
            {"slots": slots(old={"status": "paused"}, new={"release": BEFORE})},
            Drift("slot", f"{TAG} running in green", f"{BEFORE} running", AGAIN),
        ),
        (
            {"slots": slots(old={"status": "paused"}, new={"image": "sha256:other"})},
            Drift("image", GOOD[f.Image].digest, "sha256:other", AGAIN),
        ),
    ],
    ids=lambda value: value.what if isinstance(value, Drift) else "",
)
def test_each_difference_is_named_with_what_mends_it(changed: dict[str, Any], expected: Drift) -> None:
    assert drift(**changed) == (expected,)


def test_what_a_run_is_about_to_start_is_not_missing() -> None:
    assert drift(stopped=("postgres",), running=True) == ()


def test_an_old_record_is_told_alone() -> None:
    """All other differences, and their remedies, would be of an older release."""
    expected = Drift(
        "journal",
        "run run-9, which .deployed-metadata.json names",
        "no such run, or only its beginning",
        AGAIN,
    )
    assert drift(outdated="run-9", head=None, files=("a",), active=Slot.BLUE) == (expected,)


def test_kept_release_whose_container_is_gone_is_brought_back_by_resume() -> None:
    kept = replace(RECORDED, retained=(TAG, BEFORE))
    gone = slots(old={"status": "paused"}, new={"status": "absent", "release": None})
    assert drift(recorded=kept, slots=gone, answer=BAD_GATEWAY) == (
        Drift("slot", f"{TAG} running in green", "None absent", "l9 resume"),
        Drift("public route", f"{TAG} from green", BAD_GATEWAY.found, "l9 resume"),
    )


def test_another_release_that_serves_is_replaced_by_a_deploy() -> None:
    found = drift(active=Slot.BLUE, slots=slots(old={"status": "running"}), answer=FROM_BLUE)
    assert {d.remedy for d in found} == {AGAIN}
    assert [d.what for d in found] == ["route", "slot", "public route"]


def test_every_edited_file_is_named_and_can_be_put_aside() -> None:
    first, second = drift(files=("api/main.py", "notes of today.txt"))
    assert first.found == "api/main.py was edited"
    assert shlex.split(second.remedy) == [
        "git", "-C", "/opt/my l9", "stash", "push", "--include-untracked", "--", "notes of today.txt",
    ]  # fmt: skip


def test_all_differences_are_told_at_once() -> None:
    found = drift(
        files=("a",),
        head="9" * 40,
        deployed_tag=None,
        active=Slot.BLUE,
        slots=slots(old={"status": "paused"}, new={"image": "x"}),
    )
    assert [d.what for d in found] == ["file", "checkout", ".deployed-tag", "route", "image"]


def test_where_nothing_was_deployed_nothing_can_differ() -> None:
    nothing = ev.RunFinished(
        outcome=State.REFUSED, live=None, slot=None, standby=None, exit_code=3, seconds=1.0
    )
    empty = slots(old={"status": "absent"}, new={"status": "absent"})
    for recorded in (None, nothing):
        assert drift(recorded=recorded, files=("a",), slots=empty, deployed_tag=None) == ()


@pytest.mark.parametrize(
    ("answer", "active", "remedy"),
    [
        (FROM_BLUE, Slot.GREEN, "l9 provision"),
        (FROM_BLUE, Slot.BLUE, "l9 resume"),
        (FROM_NOBODY, Slot.GREEN, "l9 provision"),
        (HUNG, Slot.GREEN, "l9 resume"),
        (AWAY, Slot.GREEN, "systemctl status caddy"),
        (BAD_GATEWAY, Slot.GREEN, "l9 logs"),
        (TOO_SLOW, Slot.GREEN, "l9 logs"),
    ],
)
def test_what_the_public_gets_is_compared_and_not_the_flag(
    answer: f.Answering, active: Slot, remedy: str
) -> None:
    assert drift(answer=answer, active=active)[-1] == Drift(
        "public route", f"{TAG} from green", answer.found, remedy
    )
    assert all(one.what != "public route" for one in drift(answer=answer, active=active, running=True))


@pytest.mark.parametrize(
    ("behind", "remedy"),
    [(None, "l9 logs"), (503, "l9 logs"), (500, "l9 logs"), (200, "l9 provision"), (404, "l9 provision")],
)
def test_a_site_that_does_not_reach_the_slot_is_told_from_a_sick_release(
    behind: int | None, remedy: str
) -> None:
    (found,) = drift(answer=BAD_GATEWAY, active=Slot.GREEN, behind=behind)
    assert found.remedy == remedy


@pytest.mark.parametrize("status", [500, 501, 503, 505])
def test_an_error_of_the_live_release_itself_is_no_drift(status: int) -> None:
    assert drift(answer=f.Answering(Slot.GREEN, TAG, status, f"status {status} from green")) == ()


@pytest.mark.parametrize(
    ("answer", "comes_back", "remedy"),
    [
        (FROM_BLUE, True, "l9 resume"),
        (HUNG, True, "l9 resume"),
        (AWAY, True, "systemctl status caddy"),
        (AWAY, False, "systemctl status caddy"),
        (FROM_BLUE, False, AGAIN),
    ],
)
def test_a_release_that_comes_back_is_resumed_unless_the_router_is_away(
    answer: f.Answering, remedy: str, *, comes_back: bool
) -> None:
    found = public_drift(Slot.GREEN, TAG, Slot.BLUE, answer, comes_back=comes_back)
    assert found is not None
    assert found.remedy == remedy


def test_a_release_is_not_said_to_come_back_unless_it_does() -> None:
    found = public_drift(Slot.GREEN, TAG, Slot.BLUE, FROM_BLUE)
    assert found is not None
    assert found.remedy == AGAIN


def test_where_no_release_is_known_the_site_is_mended() -> None:
    assert public_drift(Slot.GREEN, None, Slot.BLUE, FROM_BLUE) == Drift(
        "public route", "an answer from green", FROM_BLUE.found, "l9 provision"
    )


def test_a_release_that_still_runs_in_the_idle_slot_is_drift() -> None:
    running = slots(old={"release": "v9.9.9-l9"})
    assert drift(slots=running) == (
        Drift("slot", "blue stopped or paused", "v9.9.9-l9 running in blue", AGAIN),
    )
    assert drift(slots=running, running=True) == ()


@pytest.mark.parametrize("tag", [TAG, None])
def test_a_journal_that_knows_of_nothing_is_no_harmony(tag: str | None) -> None:
    (found,) = drift(recorded=None, deployed_tag=tag)
    assert (found.what, found.remedy) == ("journal", AGAIN)
    assert f"{TAG} runs in green" in found.found
    assert (f".deployed-tag says {TAG}" in found.found) == (tag is not None)
    stopped = slots(old={"status": "exited"}, new={"status": "exited"})
    assert len(drift(recorded=None, deployed_tag=tag, slots=stopped)) == (tag is not None)


def test_without_a_recorded_slot_the_route_says_which_one_is_live() -> None:
    elsewhere = ev.RunFinished(
        outcome=State.SUCCESS, live=TAG, slot=None, standby=None, exit_code=0, seconds=9.0
    )
    assert drift(recorded=elsewhere) == ()
    in_blue = slots(
        old={"release": TAG, "status": "running", "image": GOOD[f.Image].digest}, new={"status": "paused"}
    )
    assert (
        drift(recorded=elsewhere, active=Slot.BLUE, slots=in_blue, answer=replace(FROM_BLUE, release=TAG))
        == ()
    )
