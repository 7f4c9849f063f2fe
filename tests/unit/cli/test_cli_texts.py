"""The answers of the commands that only look, as people read them."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from l9.checks.host.drift import Drift
from l9.cli.context import show
from l9.cli.server.drift import drift_text
from l9.cli.server.explain import explain_text
from l9.cli.server.history import history_text
from l9.cli.server.plan import plan_text
from l9.cli.server.status import ago, status_text
from l9.core import events as ev
from l9.core.preview import JudgedGate
from l9.core.states import Kind, Slot, SlotStatus, State, Substrate
from l9.core.verdict import VerdictKind
from l9.protocol.answers.error import ErrorCode
from l9.protocol.answers.plan import Plan
from l9.protocol.answers.runs import Explain, History, RunLine
from l9.protocol.answers.status import DriftReport, LastRun, Live, Standby, Status

NOW = 1_000_000.0
STATUS = Status(
    app="l9-api",
    target="production",
    path="/opt/l9",
    recorded="v1.1.0-l9",
    retained=("v1.1.0-l9",),
    good=("v1.1.0-l9",),
    live=Live(
        release="v1.1.0-l9", slot=Slot.GREEN, status=SlotStatus.RUNNING, image=None, since=NOW - 7200, restarts=0
    ),
    standby=Standby(release="v1.0.0-l9", slot=Slot.BLUE, status=SlotStatus.PAUSED, until=NOW + 300),
    run=LastRun(
        id="r1", kind=Kind.DEPLOY, tag="v1.1.0-l9", state="SUCCESS", gate=State.CLEANUP, who="ada@desk",
        started_at=NOW - 7260,
    ),
    lock=None,
)  # fmt: skip


def test_status_of_a_host_in_order() -> None:
    assert status_text(STATUS, NOW).splitlines() == [
        "l9-api on production (/opt/l9)",
        "  live     v1.1.0-l9 in green, up 2 h",
        "  standby  v1.0.0-l9 paused in blue, stopped in 5 min",
        "  run      deploy v1.1.0-l9 SUCCESS, started 2 h ago by ada@desk",
        "  retained v1.1.0-l9",
    ]


def test_status_of_a_host_that_needs_something() -> None:
    assert STATUS.run is not None
    run = replace(STATUS.run, state="interrupted", gate=State.BAKE)
    text = status_text(replace(STATUS, recorded=None, run=run), NOW)
    assert "  record   says nothing: see l9 drift" in text
    assert "interrupted at BAKE" in text
    assert "  next     l9 resume" in text


def test_status_of_a_host_that_went_back_to_a_sick_release() -> None:
    seen = ev.Evidence(invariant="host.back-healthy", found="3 of 40 answers failed: GET /health: status 503")
    assert "watched" not in status_text(replace(STATUS, watched=seen), NOW)
    sick = replace(seen, verdict=VerdictKind.FAIL, excused="not taken back")
    assert status_text(replace(STATUS, watched=sick), NOW).splitlines()[3:5] == [
        "  watched  not healthy after the rollback: 3 of 40 answers failed: GET /health: status 503",
        "  next     l9 resume",
    ]


def test_status_of_an_empty_host() -> None:
    live = replace(STATUS.live, release=None, slot=Slot.BLUE, status=SlotStatus.ABSENT, since=None)
    standby = replace(STATUS.standby, release=None, status=SlotStatus.ABSENT, until=None)
    empty = replace(STATUS, live=live, standby=standby, run=None, recorded=None, retained=())
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
    run = RunLine(
        run="r1", kind=Kind.DEPLOY, tag="v1.0.0-l9", previous=None, who="ada@desk", started_at=NOW, seconds=3.21,
        outcome="REFUSED", live=None, closed_by=State.HEALTH, reason="healthy; found 503",
    )  # fmt: skip
    unfinished = replace(run, seconds=None, closed_by=None, outcome="unfinished")
    first, second = history_text(History(runs=(run, unfinished))).splitlines()
    assert "v1.0.0-l9" in first
    assert first.endswith("3.2 s  ada@desk  r1  HEALTH: healthy; found 503")
    assert second.endswith("-  ada@desk  r1")
    assert history_text(History(runs=())) == "no runs yet: l9 deploy TAG"


def test_drift() -> None:
    assert drift_text(DriftReport(drift=(), live="v1.0.0-l9")) == "no drift: v1.0.0-l9 is live, as recorded"
    found = Drift("file", "as in the tag", "a was edited", "git checkout -- a")
    assert drift_text(DriftReport(drift=(found,), live=None)).splitlines() == [
        "✘ file",
        "  expected  as in the tag",
        "  found     a was edited",
        "  next      git checkout -- a",
    ]


def test_plan() -> None:
    finding = ev.Finding(
        invariant="host.disk-free", verdict=VerdictKind.FAIL, expected="1 GB", found="0", remedy="df -h"
    )
    gates = (
        JudgedGate(
            gate=State.LOCAL_READY, where=Substrate.WORKSPACE, verdict=VerdictKind.PASS, summary="clean"
        ),
        JudgedGate(
            gate=State.HOST_READY, where=Substrate.HOST, verdict=VerdictKind.FAIL, summary="ready",
            actions=("look",), findings=(finding,),
        ),
    )  # fmt: skip
    plan = Plan(
        tag="v1.1.0-l9", commit="c" * 40, new=Slot.GREEN, old=Slot.BLUE, previous="v1.0.0-l9", gates=gates,
        changed_services=("db",), changed_services_unseen=None,
    )  # fmt: skip
    assert plan_text(plan).splitlines() == [
        "deploy v1.1.0-l9 (cccccccccccc) to green; v1.0.0-l9 is live in blue",
        "✔ pass     LOCAL-READY          clean",
        "✘ fail     HOST-READY           ready",
        "    does  look",
        "    host.disk-free: expected 1 GB; found 0",
        "    next: df -h",
        "▲ the definition of service db has changed; a deploy does not restart it",
    ]
    assert "nothing is live: the first deploy" in plan_text(replace(plan, previous=None))
    unseen = replace(plan, changed_services=None, changed_services_unseen="Docker not found: no socket")
    assert plan_text(unseen).endswith(
        "▲ the other services could not be compared: Docker not found: no socket"
    )


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


def test_what_the_operator_claimed_is_told_apart() -> None:
    start = ev.RunStarted(
        kind=Kind.DEPLOY, tag="v1.0.0-l9", commit="c" * 40, tag_object="t", new=Slot.BLUE, old=None,
        previous=None, who="ada@desk", version="0.1.0",
    )  # fmt: skip
    gates = (State.LOCAL_READY, State.HOST_READY)
    opened = (ev.GateOpened(gate=gate, evidence=(), seconds=0.5) for gate in gates)
    entries = tuple(
        ev.Entry(seq=n, at=NOW, run="r1", body=body, prev="", claim=n == 1)
        for n, body in enumerate((start, *opened))
    )
    summary = RunLine(
        run="r1", kind=Kind.DEPLOY, tag="v1.0.0-l9", previous=None, who="ada@desk", started_at=NOW, seconds=None,
        outcome="unfinished", live=None, closed_by=None, reason=None,
    )  # fmt: skip
    lines = explain_text(Explain(summary=summary, entries=entries)).splitlines()[5:]
    assert lines[0] == "  claimed by ada@desk, not seen by the host:"
    assert "LOCAL-READY" in lines[1]
    assert lines[2] == "  seen by the host:"
    assert "HOST-READY" in lines[3]


def test_what_is_shown_holds_no_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    answer = ErrorCode(code="\x1b[31m", exit_code=1, meaning="ü")
    show(answer, as_json=False, text=lambda: "one \x1b[31mred\x1b[0m\ntwo")
    show(answer, as_json=True, text=str)
    people, _, document = capsys.readouterr().out.rpartition("two\n")
    assert (people, "\x1b" in document) == ("one red\n", False)
    assert msgspec.json.decode(document, type=ErrorCode) == answer
