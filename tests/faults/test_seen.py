"""The judgement of a cell: each thing that is not as it must be is named, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from faults.seen import Bound, Failed, Seen, Typed, bound_of, complaints

PERFECT = Seen(
    outcome="SUCCESS",
    exit_code=0,
    before="v1",
    new="v2",
    served=(("blue", "v2"),),
    statuses=(200, 200),
    running=("blue",),
    slot="blue",
    recorded="v2",
    deployed_tag="v2",
    run_state="SUCCESS",
    sent=500,
)
WANTED = frozenset({"SUCCESS", "REFUSED", "ROLLED-BACK"})
NO_FAILURE = Bound()
LATE = Failed(9.0, "status_5xx", 502, "blue")


def judged(bound: Bound | None = NO_FAILURE, **changed: Any) -> tuple[str, ...]:
    return complaints(replace(PERFECT, **changed), bound, ("Caddy",), WANTED)


def test_a_perfect_cell_has_no_complaint() -> None:
    assert judged() == ()
    assert judged(outcome="ROLLED-BACK", exit_code=4, message="caddy was away", served=(("blue", "v1"),),
                  recorded="v1", deployed_tag="v1") == ()  # fmt: skip
    assert judged(outcome=None, exit_code=130, message="Caddy", typed=(Typed("l9 resume", 0),)) == ()


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"hit": False}, "never reached"),
        ({"settled": None}, "outage"),
        ({"served": (("blue", "v2"), ("green", "v1"))}, "served by 2"),
        ({"served": (("blue", "v3"),), "recorded": "v3", "deployed_tag": "v3"}, "another release"),
        ({"statuses": (200, 503)}, "public answers [200, 503]"),
        ({"running": ("blue", "green")}, "running: blue, green"),
        ({"recorded": "v1"}, "the record says v1"),
        ({"deployed_tag": ""}, ".deployed-tag says nothing"),
        ({"drift": ("slot: …",)}, "drift: slot"),
        ({"locked": True}, "the lock is held"),
        ({"run_state": "interrupted"}, "the run is interrupted"),
        ({"leftovers": ("x.tmp",)}, "left over: x.tmp"),
        ({"exit_code": 5, "message": "Caddy"}, "exit code 5 of a run that ended as SUCCESS"),
        ({"outcome": "FAIL-STATE", "exit_code": 5, "message": "Caddy"}, "ended as FAIL-STATE"),
        ({"outcome": None, "exit_code": 1, "message": "Caddy"}, "a bug"),
        ({"outcome": "REFUSED", "exit_code": 3, "message": "no idea"}, "does not name the cause"),
        ({"typed": (Typed("l9 resume", 5),)}, "the printed remedy fails"),
        ({"rivals": (5,)}, "the other command exits"),
        ({"failed": (LATE,)}, "1 failed requests of 500, at most 0"),
    ],
)
def test_each_flaw_is_named(changed: dict[str, Any], found: str) -> None:
    (told,) = judged(**changed)
    assert found in told


def test_a_release_that_users_went_back_to_and_met_errors_on_is_told_of() -> None:
    told = {"outcome": "FAIL-STATE", "exit_code": 5, "message": "Caddy", "sick": True}
    assert judged(Bound(1, 20.0), **told, failed=(LATE,)) == ()
    assert judged(Bound(1, 20.0), **told) == ("ended as FAIL-STATE",)  # nobody met one
    assert judged(Bound(1, 20.0), **{**told, "sick": False}, failed=(LATE,)) == ("ended as FAIL-STATE",)
    (lasting,) = judged(Bound(1, 20.0), **told, failed=(LATE,), run_state="FAIL-STATE")
    assert lasting == "the run is FAIL-STATE"


def test_requests_may_fail_as_long_as_in_the_control() -> None:
    control = replace(PERFECT, ended=3.0, failed=(LATE,) * 10)
    bound = bound_of(control)
    assert (bound.failed, bound.seconds) == (75, 9.0)
    assert judged(bound, ended=3.0, failed=(LATE,) * 75) == ()
    (told,) = judged(bound, ended=3.0, failed=(replace(LATE, at=12.1),))
    assert "requests failed until 9.1 s after the fault" in told
    assert bound_of(None) == Bound()
    stays = bound_of(control, mended_by_run=20.0)
    assert judged(stays, ended=3.0, failed=(replace(LATE, at=31.9),) * 1000) == ()
    assert judged(stays, ended=3.0, failed=(replace(LATE, at=32.1),)) != ()
    assert judged(None, failed=(LATE,) * 999) == ()
