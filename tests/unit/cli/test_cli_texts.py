"""The answers of the commands that only look, as people read them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from l9.cli.context import show
from l9.cli.server.drift import drift_text
from l9.cli.server.explain import explain_text
from l9.cli.server.history import history_text
from l9.cli.server.plan import plan_text
from l9.cli.server.status import ago, status_text
from l9.core import events as ev
from l9.core.states import Kind, Slot, State
from l9.protocol.answers.error import ErrorCode
from l9.protocol.answers.runs import Explain, RunLine

NOW = 1_000_000.0
STATUS: dict[str, Any] = {
    "app": "l9-api", "target": "production", "path": "/opt/l9", "recorded": "v1.1.0-l9", "retained": ["v1.1.0-l9"],
    "live": {"release": "v1.1.0-l9", "slot": "green", "status": "running", "since": NOW - 7200},
    "standby": {"release": "v1.0.0-l9", "slot": "blue", "status": "paused", "until": NOW + 300},
    "run": {
        "kind": "deploy", "tag": "v1.1.0-l9", "state": "SUCCESS", "gate": "CLEANUP", "who": "ada@desk",
        "started_at": NOW - 7260,
    },
}  # fmt: skip


def test_status_of_a_host_in_order() -> None:
    assert status_text(STATUS, NOW).splitlines() == [
        "l9-api on production (/opt/l9)",
        "  live     v1.1.0-l9 in green, up 2 h",
        "  standby  v1.0.0-l9 paused in blue, stopped in 5 min",
        "  run      deploy v1.1.0-l9 SUCCESS, begun 2 h ago by ada@desk",
        "  retained v1.1.0-l9",
    ]


def test_status_of_a_host_that_needs_something() -> None:
    run = {**STATUS["run"], "state": "interrupted", "gate": "BAKE"}
    text = status_text({**STATUS, "recorded": None, "run": run}, NOW)
    assert "  record   says nothing: see l9 drift" in text
    assert "interrupted at BAKE" in text
    assert "  next     l9 resume" in text


def test_status_of_an_empty_host() -> None:
    nothing = {"release": None, "slot": "blue", "status": "absent", "since": None, "until": None}
    empty = {**STATUS, "live": nothing, "standby": nothing, "run": None, "recorded": None, "retained": []}
    assert status_text(empty, NOW).splitlines()[1:] == [
        "  live     nothing (blue absent)",
        "  run      none yet: l9 deploy TAG",
    ]


@pytest.mark.parametrize(
    ("seconds", "said"), [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_durations(seconds: float, said: str) -> None:
    assert ago(seconds) == said


def test_history() -> None:
    run = {
        "run": "r1", "kind": "deploy", "tag": "v1.0.0-l9", "who": "ada@desk", "started_at": NOW, "seconds": 3.21,
        "outcome": "REFUSED", "closed_by": "HEALTH", "reason": "healthy; found 503",
    }  # fmt: skip
    text = history_text({"runs": [run, {**run, "seconds": None, "closed_by": None, "outcome": "unfinished"}]})
    first, second = text.splitlines()
    assert "v1.0.0-l9" in first
    assert first.endswith("3.2 s  ada@desk  r1  HEALTH: healthy; found 503")
    assert second.endswith("-  ada@desk  r1")
    assert history_text({"runs": []}) == "no runs yet: l9 deploy TAG"
    assert history_text({"verified": True, "entries": 7}) == "the chain holds: 7 entries"


def test_drift() -> None:
    assert drift_text({"drift": [], "live": "v1.0.0-l9"}) == "no drift: v1.0.0-l9 is live, as recorded"
    found = {
        "what": "file",
        "expected": "as in the tag",
        "found": "a was edited",
        "remedy": "git checkout -- a",
    }
    assert drift_text({"drift": [found], "live": None}).splitlines() == [
        "✘ file",
        "  expected  as in the tag",
        "  found     a was edited",
        "  next      git checkout -- a",
    ]


def test_plan() -> None:
    gates = [
        {"gate": "LOCAL-READY", "verdict": "pass", "summary": "clean"},
        {
            "gate": "HOST-READY", "verdict": "fail", "summary": "ready", "actions": ["look"],
            "findings": [{"invariant": "host.disk-free", "expected": "1 GB", "found": "0", "remedy": "df -h"}],
        },
    ]  # fmt: skip
    plan = {
        "tag": "v1.1.0-l9", "commit": "c" * 40, "new": "green", "old": "blue", "previous": "v1.0.0-l9",
        "gates": gates, "changed_services": ["db"], "changed_services_unseen": None,
    }  # fmt: skip
    assert plan_text(plan).splitlines() == [
        "deploy v1.1.0-l9 (cccccccccccc) to green; v1.0.0-l9 is live in blue",
        "✔ pass     LOCAL-READY          clean",
        "✘ fail     HOST-READY           ready",
        "    does  look",
        "    host.disk-free: expected 1 GB; found 0",
        "    next: df -h",
        "▲ service db is defined differently in this release; a deploy does not restart it",
    ]
    assert "nothing is live: the first deploy" in plan_text({**plan, "previous": None})
    unseen = {**plan, "changed_services": None, "changed_services_unseen": "no Docker: no socket"}
    assert plan_text(unseen).endswith("▲ the other services cannot be compared: no Docker: no socket")


def test_explain() -> None:
    bodies = (
        ev.RunStarted(
            kind=Kind.DEPLOY, tag="v1.0.0-l9", commit="c" * 40, tag_object="t", new=Slot.BLUE, old=None,
            previous=None, who="ada@desk", version="0.1.0",
        ),
        ev.GateOpened(gate=State.LOCAL_READY, evidence=(ev.Evidence(invariant="i", found="clean"),), seconds=0.5),
        ev.ActionDone(gate=State.LOCAL_READY, step=0, note="pushed", seconds=0.25),
    )  # fmt: skip
    entries = [ev.Entry(seq=n, at=NOW + n, run="r1", body=body, prev="") for n, body in enumerate(bodies)]
    summary = RunLine(
        run="r1", kind=Kind.DEPLOY, tag="v1.0.0-l9", previous=None, who="ada@desk", started_at=NOW, seconds=None,
        outcome="unfinished", live=None, closed_by=None, reason=None,
    )  # fmt: skip
    lines = explain_text(Explain(summary=summary, entries=tuple(entries))).splitlines()
    assert lines[0] == "run r1: deploy v1.0.0-l9"
    assert lines[3] == "  slots    to blue, first deploy"
    assert lines[5:] == [
        "    1.00 s  ✔ LOCAL-READY          clean  0.5 s",
        "                i: clean",
        "    2.00 s          done in 0.25 s: pushed",
    ]


def test_what_is_shown_holds_no_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    answer = ErrorCode(code="\x1b[31m", exit_code=1, meaning="ü")
    show(answer, as_json=False, text=lambda: "one \x1b[31mred\x1b[0m\ntwo")
    show(answer, as_json=True, text=str)
    people, _, document = capsys.readouterr().out.rpartition("two\n")
    assert (people, "\x1b" in document) == ("one red\n", False)
    assert msgspec.json.decode(document, type=ErrorCode) == answer
