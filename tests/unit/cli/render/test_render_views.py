"""A run as it is watched: the same events in plain lines and as JSON Lines, and which view is chosen."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator, Sequence

import pytest

from l9.cli.render.json_lines import JsonView
from l9.cli.render.plain import PlainView
from l9.cli.render.tty import TtyView
from l9.cli.render.view import feed, view
from l9.core import events as ev
from l9.core.actions import SwitchRoute
from l9.core.states import Kind, Slot, State
from l9.core.verdict import VerdictKind
from l9.errors import Interrupted
from l9.protocol.answers.run_lines import EntryLine, NoteLine, ProgressLine, ResultLine, TextLine
from l9.protocol.answers.runs import RunResult
from l9.protocol.messages import AnyMessage
from samples import entries, opened
from screens import Screen
from world.behaviour import NEVER_HEALTHY, REFUSED_AFTER_THE_SWITCH, REFUSED_BEFORE_THE_SWITCH, Behaviour
from world.host import World

FINDING = ev.Finding(
    invariant="host.env-complete",
    verdict=VerdictKind.FAIL,
    expected="mode 0600",
    found="0644",
    remedy="chmod 600 .env",
    log=("one", "two", "three", "a \x1b[31mred\x1b[0m line"),
)
CLOSED = ev.GateClosed(gate=State.HOST_READY, findings=(FINDING,), seconds=0.5)
DONE = ev.RunFinished(
    outcome=State.SUCCESS, live="v1.0.0-l9", slot=Slot.BLUE, standby=None, exit_code=0, seconds=2.0
)
SWITCHING = ev.ActionIntended(
    gate=State.ROUTE_TRAFFIC, step=0, action=SwitchRoute(to=Slot.BLUE, back=Slot.GREEN)
)


@pytest.fixture(autouse=True)
def _typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["l9", "deploy"])
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


def ended(outcome: State, live: str | None = None) -> ev.RunFinished:
    return ev.RunFinished(
        outcome=outcome, live=live, slot=Slot.BLUE if live else None, standby=None, exit_code=3, seconds=1.0
    )


def plain(*bodies: ev.AnyEvent, verbose: bool = False, journal: Sequence[ev.Entry] = ()) -> list[str]:
    out = io.StringIO()
    shown = PlainView(out, verbose=verbose)
    for entry in journal or entries(*bodies):
        shown.entry(entry)
    shown.close()
    return out.getvalue().splitlines()


def finding(**changed: str) -> ev.Finding:
    return ev.Finding(**{"invariant": "i", "verdict": "fail", "expected": "e", "found": "f", **changed})


# ── plain lines ──────────────────────────────────────────────────────────────────────────────────


def test_a_refused_run_in_plain_lines() -> None:
    assert plain(CLOSED, ended(State.REFUSED, "v0.9.0-l9")) == [
        "✘ HOST-READY           0644  0.5 s",
        "✘ REFUSED   the release refused at HOST-READY, nothing was changed  1.0 s",
        "  expected  mode 0600",
        "  found     0644",
        "  | two",
        "  | three",
        "  | a red line",
        "  live      v0.9.0-l9 in blue",
        "  next      chmod 600 .env  # on the host",
    ]


def test_an_open_gate_is_one_line_with_the_fact_that_matters() -> None:
    gate = ev.GateOpened(
        gate=State.BAKE,
        evidence=(
            ev.Evidence(invariant="host.new-slot-steady", found="running"),
            ev.Evidence(invariant="host.few-server-errors", found="30 s, 412 answers, 0 errors"),
        ),
        seconds=30.1,
    )
    head = "✔ BAKE                 30 s, 412 answers, 0 errors  30.1 s"
    assert plain(gate) == [head]
    assert plain(gate, verbose=True) == [
        head,
        "    host.new-slot-steady: running",
        "    host.few-server-errors: 30 s, 412 answers, 0 errors",
    ]


def back_to(found: str, outcome: State, verdict: VerdictKind, *before: ev.AnyEvent) -> list[str]:
    """The lines of a rollback to v0.9.0-l9 that was watched with that finding."""
    end = ev.RunFinished(
        outcome=outcome, live="v0.9.0-l9", slot=Slot.BLUE, standby="v1.0.0-l9", exit_code=5, seconds=6.0,
        watched=ev.Evidence(invariant="host.back-healthy", found=found, verdict=verdict),
    )  # fmt: skip
    start = ev.RunStarted(
        kind=Kind.ROLLBACK, tag="v0.9.0-l9", commit="c", tag_object="t", new=Slot.BLUE, old=Slot.GREEN,
        previous="v1.0.0-l9", who="ada",
    )  # fmt: skip
    return plain(start, *before, end)[1:]


def test_a_rollback_tells_at_once_who_is_live_and_at_its_end_how_it_answers() -> None:
    proof = opened(State.PROOF, "3 answers in a row from blue with v0.9.0-l9")
    assert back_to("40 answers, none failed", State.SUCCESS, VerdictKind.PASS, proof) == [
        "✔ PROOF                3 answers in a row from blue with v0.9.0-l9  0.0 s",
        "✔ live      v0.9.0-l9 in blue",
        "✔ SUCCESS   v0.9.0-l9 is live in blue  6.0 s",
        "  watched   40 answers, none failed",
        "  standby   v1.0.0-l9, to roll back: l9 rollback",
    ]


SICK = "3 of 40 answers failed: GET /health: status 503"


@pytest.mark.parametrize(
    ("before", "cause"),
    [
        ((), []),
        ((CLOSED,), ["  cause     HOST-READY: 0644"]),
        ((ev.RunAborted(who="ada", why="not today"),), ["  cause     not today"]),
    ],
)
def test_a_sick_release_that_was_gone_back_to(before: Sequence[ev.AnyEvent], cause: list[str]) -> None:
    assert back_to(SICK, State.FAIL_STATE, VerdictKind.FAIL, *before)[len(before) :] == [
        "✘ FAIL-STATE a person is needed: v0.9.0-l9 is live again and not healthy  6.0 s",
        *cause,
        f"  found     {SICK}",
        "  live      v0.9.0-l9 in blue",
        "  next      l9 logs",
    ]


def test_verbose_shows_a_closed_gate_in_full_at_once() -> None:
    assert plain(CLOSED, verbose=True)[1:] == [
        "    host.env-complete",
        "  expected  mode 0600",
        "  found     0644",
        "  | one",
        "  | two",
        "  | three",
        "  | a red line",
        "  next      chmod 600 .env  # on the host",
    ]


def test_of_several_findings_the_end_shows_the_first_and_the_gate_the_others() -> None:
    more = finding(invariant="j", expected="a tag", found="none", remedy="l9 release")
    shown = plain(ev.GateClosed(gate=State.LOCAL_READY, findings=(finding(), more)), ended(State.REFUSED))
    assert shown == [
        "✘ LOCAL-READY          f, and 1 more  0.0 s",
        "    j",
        "  expected  a tag",
        "  found     none",
        "  next      l9 release",
        "✘ REFUSED   the release refused at LOCAL-READY, nothing was changed  1.0 s",
        "  expected  e",
        "  found     f",
        "  live      nothing",
        "  next      l9 explain run-1",
    ]


@pytest.mark.parametrize(
    ("gate", "remedy", "shown"),
    [
        (State.HOST_READY, "l9 provision", "l9 provision --target b"),
        (State.HOST_READY, "chmod 600 .env", "chmod 600 .env  # on the host"),
        (State.LOCAL_READY, "git switch main", "git switch main"),
    ],
)
def test_the_next_command_is_for_this_target_and_says_where(
    monkeypatch: pytest.MonkeyPatch, gate: State, remedy: str, shown: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["l9", "deploy", "v1", "--target", "b"])
    lines = plain(ev.GateClosed(gate=gate, findings=(finding(remedy=remedy),)), ended(State.REFUSED))
    assert lines[-1] == f"  next      {shown}"


def test_what_one_thing_keeps_closed_is_told_once() -> None:
    same = [
        ev.Finding(invariant=n, verdict=VerdictKind.UNKNOWN, expected="a commit", found="none") for n in "abc"
    ]
    other = ev.Finding(invariant="d", verdict=VerdictKind.FAIL, expected="a tag", found="none")
    shown = plain(ev.GateClosed(gate=State.LOCAL_READY, findings=(same[0], other, *same[1:])), verbose=True)
    assert [line.strip() for line in shown[1:]] == [
        "a and 2 more",
        "expected  a commit",
        "found     none",
        "d",
        "expected  a tag",
        "found     none",
    ]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (ev.RunResumed(who="w", why="a crash"), "▲ resumed: a crash"),
        (ev.RunAborted(who="w", why="unwanted"), "↺ rolling back: unwanted"),
        (ev.GateEntered(gate=State.ROLLBACK), "↺ ROLLBACK             undoing the run's actions"),
        (
            ev.ActionFailed(gate=State.ROLLBACK, step=1, expected="e", found="no route"),
            "✘ ROLLBACK             no route",
        ),
        (DONE, "✔ SUCCESS   v1.0.0-l9 is live in blue  2.0 s"),
        (opened(State.FIX), "✔ FIX                    0.0 s"),
    ],
)
def test_events_that_are_told(event: ev.AnyEvent, line: str) -> None:
    assert plain(event) == [line]


def test_events_that_only_matter_to_the_journal() -> None:
    failed = ev.ActionFailed(gate=State.TAG_IN_GIT, step=1, expected="e", found="its gate closes and says so")
    assert plain(SWITCHING, ev.GateEntered(gate=State.BAKE), failed) == []


STUCK = ev.GateClosed(
    gate=State.ROLLBACK, findings=(finding(found="traffic goes to green", remedy="l9 resume"),)
)
BAKED = ev.GateClosed(gate=State.BAKE, findings=(finding(found="9 % errors"),))


@pytest.mark.parametrize(
    ("before", "outcome", "lines"),
    [
        ((), State.ROLLED_BACK, ["↺ ROLLED-BACK the release rolled back  1.0 s", "  cause     unknown"]),
        (
            (ev.RunAborted(who="w", why="unwanted"),),
            State.REFUSED,
            ["✘ REFUSED   the release refused, nothing was changed  1.0 s", "  cause     unwanted"],
        ),
        (
            (BAKED, STUCK),
            State.FAIL_STATE,
            [
                "✘ FAIL-STATE a person is needed: the rollback did not finish  1.0 s",
                "  cause     BAKE: 9 % errors",
                "  expected  e",
                "  found     traffic goes to green",
                "  live      last known: nothing",
                "  next      l9 resume",
            ],
        ),
        (
            (ev.GateClosed(gate=State.DRAIN, findings=()),),
            State.FAIL_STATE,
            [
                "✘ FAIL-STATE a person is needed: it stopped at DRAIN  1.0 s",
                "  expected  a reason on record",
                "  found     none",
            ],
        ),
    ],
)
def test_how_a_run_ended(before: tuple[ev.AnyEvent, ...], outcome: State, lines: list[str]) -> None:
    shown = plain(*before, ended(outcome))
    head = next(n for n, line in enumerate(shown) if outcome in line)
    assert shown[head : head + len(lines)] == lines


def test_a_rollback_that_is_tried_again_says_each_reason_once() -> None:
    again = ev.GateEntered(gate=State.ROLLBACK)
    failed = ev.ActionFailed(gate=State.ROLLBACK, step=1, expected="e", found="no engine")
    shown = plain(again, failed, again, failed, again)
    assert [line.split(maxsplit=2)[2] for line in shown] == [
        "undoing the run's actions", "no engine", "trying again (1)", "trying again (2)",
    ]  # fmt: skip


def test_a_run_that_goes_on_after_fail_state_ends_with_its_own_reason() -> None:
    resumed = ev.RunResumed(who="ada", why="resumed after FAIL-STATE")
    back = plain(BAKED, STUCK, resumed, ended(State.ROLLED_BACK, "v1.0.0-l9"))
    assert "  found     9 % errors" in back
    paused = ev.GateClosed(gate=State.SHUTDOWN, findings=(finding(found="still running"),))
    drained = ev.GateClosed(gate=State.CLEANUP, findings=(finding(found="no space"),))
    shown = plain(paused, resumed, drained, ended(State.FAIL_STATE, "v1.0.0-l9"))
    assert shown[-3].endswith("no space")


BAD = {**REFUSED_BEFORE_THE_SWITCH, **REFUSED_AFTER_THE_SWITCH}


@pytest.mark.parametrize("behaviour", BAD.values(), ids=list(BAD))
def test_plain_lines_end_as_a_terminal_does(behaviour: Behaviour) -> None:
    world = World()
    world.deploy("v1.0.1-l9")
    run = world.deploy("v1.0.2-l9", behaviour)
    lines = plain(journal=world.journal.last_run())
    (head,) = (n for n, line in enumerate(lines) if str(run.outcome) in line)
    assert len(lines) - head <= 10
    assert lines[-2:] == ["  live      v1.0.1-l9 in green", f"  next      l9 explain {run.id}"]
    gates = [line for line in lines[:head] if re.match(r"[✔✘] [A-Z]", line)]
    assert len(gates) == len({line.split()[1] for line in gates})  # one line a gate


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "NO_COLOR", "CLICOLOR_FORCE"])
@pytest.mark.parametrize("verbose", [False, True])
def test_plain_lines_hold_no_escape(monkeypatch: pytest.MonkeyPatch, variable: str, *, verbose: bool) -> None:
    monkeypatch.setenv(variable, "1")
    world = World()
    world.deploy("v1.0.1-l9", NEVER_HEALTHY)
    out = Screen()
    shown = view("plain", verbose=verbose, stream=out)
    for entry in [*world.journal.last_run(), *entries(CLOSED, ended(State.REFUSED, "\x1b[2J"))]:
        shown.entry(entry)
    monkeypatch.setattr(PlainView, "EVERY", -1.0)
    shown.progress(ProgressLine(gate="BAKE\x1b[1m", found="\x1b[2Jx"))
    shown.line("\x1b]0;t\x07y\x1b")
    shown.note("\x1b[31mred")
    shown.close()
    assert out.raw
    assert "\x1b" not in out.raw


def test_plain_lines_in_ascii() -> None:
    out = Screen(encoding="ascii")
    shown = PlainView(out)
    for entry in entries(CLOSED, DONE):
        shown.entry(entry)
    shown.note("déjà vu", "warn")
    assert out.lines[0] == "x HOST-READY           0644  0.5 s"
    assert out.lines[-1] == "! d\\xe9j\\xe0 vu"


def test_waiting_is_told_of_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    shown = PlainView(out)
    shown.progress(ProgressLine(gate="BAKE", found="watched for 1 of 30 s", done=1, total=30))
    shown.line("building")
    assert out.getvalue() == ""
    monkeypatch.setattr(PlainView, "EVERY", -1.0)
    shown.progress(ProgressLine(gate="BAKE", found="watched for 9 of 30 s", done=9, total=30))
    shown.progress(ProgressLine(gate="PROOF", found="1 of 5 answers", done=1, total=5, timed=False))
    shown.line("still building")
    assert out.getvalue().splitlines() == [
        "· BAKE                 watched for 9 of 30 s, 21 s left",
        "· PROOF                1 of 5 answers",
        "·                      still building",
    ]
    shown.close()


# ── JSON Lines ───────────────────────────────────────────────────────────────────────────────────


def test_json_lines_begin_with_the_schema_once() -> None:
    out = io.StringIO()
    shown = JsonView(out)
    assert out.getvalue() == ""  # what is refused before any event is one document alone
    shown.entry(entries(CLOSED)[0])
    shown.progress(ProgressLine(gate="BAKE", found="3 of 30 s", done=3, total=30))
    shown.line("building")
    shown.note("a note", "warn")
    shown.result(RunResult(exit_code=3))
    shown.close()
    first, *rest = [json.loads(line) for line in out.getvalue().splitlines()]
    assert first == {"type": "start", "schema": "l9.lines/1"}
    assert [r["type"] for r in rest] == ["entry", "progress", "line", "note", "result"]
    assert rest[1] == {
        "type": "progress", "gate": "BAKE", "found": "3 of 30 s", "done": 3.0, "total": 30.0, "timed": True,
    }  # fmt: skip
    assert "\x1b" not in out.getvalue()


# ── what an agent sends, and who shows it ────────────────────────────────────────────────────────

MESSAGES: tuple[AnyMessage, ...] = (
    EntryLine(entry=entries(DONE)[0]),
    ProgressLine(gate="BAKE", found="x"),
    TextLine(text="y"),
    NoteLine(text="waiting", level="warn"),
    ResultLine(answer=RunResult(exit_code=0)),
)


def test_feed_gives_the_results_data() -> None:
    out = io.StringIO()
    assert feed(MESSAGES, PlainView(out)) == RunResult(exit_code=0)
    assert "v1.0.0-l9 is live in blue" in out.getvalue()
    assert "▲ waiting\n" in out.getvalue()


@pytest.mark.parametrize(
    ("before", "says"), [(0, "if the run on the host has started"), (1, "the run on the host continues")]
)
def test_ctrl_c_while_watching(before: int, says: str) -> None:
    def interrupted() -> Iterator[AnyMessage]:
        yield from MESSAGES[:before]
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=says) as stopped:
        feed(interrupted(), PlainView(io.StringIO()))
    assert stopped.value.remedy == "l9 resume"


@pytest.mark.parametrize(
    ("mode", "terminal", "term", "kind"),
    [
        ("auto", True, "xterm", TtyView),
        ("auto", True, "dumb", PlainView),
        ("auto", False, "xterm", PlainView),
        ("plain", True, "xterm", PlainView),
        ("tty", False, "xterm", TtyView),
        ("json", True, "xterm", JsonView),
    ],
)
def test_the_view_for_a_mode(
    monkeypatch: pytest.MonkeyPatch, mode: str, terminal: bool, term: str, kind: type
) -> None:
    monkeypatch.setenv("TERM", term)
    shown = view(mode, stream=Screen() if terminal else io.StringIO())
    shown.close()
    assert isinstance(shown, kind)
