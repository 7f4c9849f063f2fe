"""A run as it stands on a terminal: the simulator's runs, drawn into a terminal emulator."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from l9.cli.render.tty import TtyView
from l9.core import events as ev
from l9.core.actions import SwitchRoute
from l9.core.states import Slot, State
from l9.core.verdict import VerdictKind
from l9.protocol.answers.run_lines import ProgressLine
from samples import entries
from screens import Screen
from world.behaviour import (
    GOOD,
    GOOD_ENOUGH,
    LOGS_A_TRACEBACK,
    NEVER_HEALTHY,
    REFUSED_AFTER_THE_SWITCH,
    REFUSED_BEFORE_THE_SWITCH,
    Behaviour,
)
from world.host import World

V1, V2, V3 = (f"v1.0.{n}-l9" for n in (1, 2, 3))
SECONDS = re.compile(r"\d+\.\d s$")


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.argv", ["l9", "deploy"])


@pytest.fixture
def two() -> World:
    """v2 is live, v1 stands by."""
    world = World()
    world.deploy(V1)
    world.deploy(V2)
    return world


def view(
    monkeypatch: pytest.MonkeyPatch, screen: Screen, columns: int = 80, rows: int = 24, **how: bool
) -> TtyView:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(rows))
    return TtyView(screen, **how)


def drawn(monkeypatch: pytest.MonkeyPatch, journal: list[ev.Entry], columns: int = 80, **how: bool) -> Screen:
    screen = Screen(columns)
    shown = view(monkeypatch, screen, columns, **how)
    for entry in journal:
        shown.entry(entry)
    shown.close()
    return screen


def timed(text: str) -> str:
    """A line that ends with its seconds at the terminal's edge."""
    return f"{text:<75}N.N s"


def test_a_good_deploy_is_one_line_a_phase(monkeypatch: pytest.MonkeyPatch, two: World) -> None:
    two.deploy(V3)
    screen = drawn(monkeypatch, two.journal.last_run())
    assert [SECONDS.sub("N.N s", line) for line in screen.lines] == [
        "· deploy v1.0.3-l9 to green, v1.0.2-l9 is live",
        timed("✔ checks    11 gates; rollback to v1.0.2-l9 is ready: image 6a69b67b1cea…"),
        timed("✔ prepare   7 gates; green answers, smoke 1 of 1"),
        timed("✔ switch    2 gates; 3 answers in a row from green with v1.0.3-l9"),
        timed("✔ bake      1 s, 0 answers: inconclusive, at least 20 needed"),
        timed("✔ finish    3 gates; v1.0.2-l9 paused in blue"),
        timed("✔ SUCCESS   v1.0.3-l9 is live in green"),
        "  standby   v1.0.2-l9, to roll back: l9 rollback",
    ]
    assert all(cell_len(line) == 80 for line in screen.lines if SECONDS.search(line))


def test_a_rollback(monkeypatch: pytest.MonkeyPatch, two: World) -> None:
    two.rollback()
    assert [SECONDS.sub("N.N s", line) for line in drawn(monkeypatch, two.journal.last_run()).lines] == [
        "· rollback v1.0.1-l9 to green, v1.0.2-l9 is live",
        timed("✔ prepare   6 gates; green answers, smoke 1 of 1"),
        timed("✔ switch    2 gates; 3 answers in a row from green with v1.0.1-l9"),
        "✔ live      v1.0.1-l9 in green",
        timed("✔ finish    3 gates; v1.0.2-l9 paused in blue"),
        timed("✔ watch     8 answers, none failed"),
        timed("✔ SUCCESS   v1.0.1-l9 is live in green"),
        "  watched   8 answers, none failed",
        "  standby   v1.0.2-l9, to roll back: l9 rollback",
    ]


def test_a_refused_deploy_is_unfolded_where_it_failed(monkeypatch: pytest.MonkeyPatch, two: World) -> None:
    two.deploy(V3, LOGS_A_TRACEBACK)
    lines = drawn(monkeypatch, two.journal.last_run()).lines
    assert [line.split()[:2] for line in lines[2:8]] == [
        ["✔", "VPS-TAG-VERIFIED"],
        ["✔", "IMAGES-READY"],
        ["✔", "BLUE-GREEN-LAUNCH"],
        ["✔", "DEADLINE"],
        ["✘", "LOGS"],
        ["↺", "rollback"],
    ]
    assert [SECONDS.sub("N.N s", line) for line in lines[8:]] == [
        timed("✘ REFUSED   v1.0.3-l9 refused at LOGS, nothing was changed"),
        "  expected  no error in the log that the live slot does not log too",
        "  found     ValueError: a packet without a body (1 kinds of errors that the live",
        "            slot does not log)",
        '  |   File "/app/api.py", line 7, in packet',
        "  |     raise ValueError(packet)",
        "  | ValueError: a packet without a body",
        "  live      v1.0.2-l9 in blue",
        "  next      l9 explain run-3",
    ]


BAD = {**REFUSED_BEFORE_THE_SWITCH, **REFUSED_AFTER_THE_SWITCH}


@pytest.mark.parametrize("columns", [40, 80, 132])
@pytest.mark.parametrize("behaviour", BAD.values(), ids=list(BAD))
def test_the_last_ten_lines_say_why_what_is_live_and_what_to_type(
    monkeypatch: pytest.MonkeyPatch, two: World, behaviour: Behaviour, columns: int
) -> None:
    run = two.deploy(V3, behaviour)
    screen = drawn(monkeypatch, two.journal.last_run(), columns)
    last = screen.lines[-10:]
    labels = [line.split()[0] for line in last if line.startswith("  ") and line[2:3].strip()]
    assert [name for name in labels if name != "|"][-4:] == ["expected", "found", "live", "next"]
    assert run.finished is not None
    assert run.closed is not None
    (head,) = (line for line in last if run.finished.outcome in line)
    assert columns < 80 or f"at {run.closed.gate}" in head
    assert last[-2] == f"  live      {V2} in blue"
    assert last[-1] == f"  next      l9 explain {run.id}"
    assert all(cell_len(line) <= columns for line in screen.lines)


@pytest.mark.parametrize("behaviour", GOOD_ENOUGH.values(), ids=list(GOOD_ENOUGH))
def test_a_good_deploy_fits_a_screen_with_lines_to_spare(
    monkeypatch: pytest.MonkeyPatch, two: World, behaviour: Behaviour
) -> None:
    two.deploy(V3, behaviour)
    lines = drawn(monkeypatch, two.journal.last_run()).lines
    assert len(lines) <= 10
    assert all(line for line in lines)


def test_verbose_folds_nothing_and_shows_all_evidence(monkeypatch: pytest.MonkeyPatch, two: World) -> None:
    two.deploy(V3)
    journal = two.journal.last_run()
    text = "".join(drawn(monkeypatch, journal, 132, verbose=True).lines)
    gates = [e.body for e in journal if isinstance(e.body, ev.GateOpened)]
    assert len(gates) > 20
    for gate in gates:
        assert f"✔ {gate.gate}" in text
        for seen in gate.evidence:
            assert f"{seen.invariant}: {seen.found}" in text


def test_the_phase_that_is_on_is_shown_gate_by_gate_with_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch, two: World
) -> None:
    two.deploy(V3)
    screen = Screen()
    shown = view(monkeypatch, screen)
    for entry in two.journal.last_run():
        shown.entry(entry)
        if isinstance(entry.body, ev.GateOpened) and entry.body.gate is State.DEADLINE:
            break
    shown.progress(ProgressLine(gate="HEALTH", found="healthy for 4.0 of 10 s", done=4, total=10))
    shown.line("a line of output")
    shown.refresh()
    assert [line[:22].rstrip() for line in screen.shown[2:]] == [
        screen.shown[2][0] + " prepare   4 of 7 gat",
        "✔ VPS-TAG-VERIFIED",
        "✔ IMAGES-READY",
        "✔ BLUE-GREEN-LAUNCH",
        "✔ DEADLINE",
        "  HEALTH",
        "  LOGS",
        "",
    ]
    assert "━━━━━╌╌╌╌╌╌╌ healthy for 4.0 of 10 s" in screen.shown[7]
    assert screen.shown[7].endswith("6 s left")
    assert screen.shown[9].strip() == "a line of output"
    shown.close()
    assert "left" not in "".join(screen.lines)  # what was drawn is gone, and what opened stays
    assert screen.shown[-1].startswith("✔ DEADLINE")


def test_counts_have_a_bar_and_no_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    shown = view(monkeypatch, screen)
    shown.progress(
        ProgressLine(gate="PROOF", found="2 of 4 answers from green", done=2, total=4, timed=False)
    )
    shown.refresh()
    assert "━━━━━━╌╌╌╌╌╌ 2 of 4 answers from green" in screen.shown[0]
    assert screen.shown[0].endswith(" 0 s")
    shown.close()


@pytest.mark.parametrize("rows", [4, 8, 24])
def test_what_is_waited_for_is_seen_on_a_low_terminal_too(
    monkeypatch: pytest.MonkeyPatch, two: World, rows: int
) -> None:
    two.deploy(V3)
    screen = Screen(80, rows)
    shown = view(monkeypatch, screen, 80, rows)
    for entry in two.journal.last_run():
        shown.entry(entry)
        if isinstance(entry.body, ev.GateEntered) and entry.body.gate is State.GREEN_HEALTHY:
            break
    shown.refresh()
    assert any(line.startswith("  GREEN-HEALTHY") for line in screen.shown)
    shown.close()


NOTES = (
    "HTTP 500 FROM 10.0.0.1 IS WHAT IT ANSWERS NOW",
    "TAGGED, ATTESTED BY DEMO",
    "SUCCESS",
    "BAKE",
    "1234567890 1234567890 1234567890",
    "── 1. FIRST DEPLOY ──",
    "tagged, attested by demo@l9.invalid",
    "[red]markup[/red]",
)


@pytest.mark.parametrize("icon", ["open", "closed", "warn", "back", "note"])
@pytest.mark.parametrize("text", NOTES)
def test_of_a_line_that_is_no_gate_only_the_icon_is_coloured(
    monkeypatch: pytest.MonkeyPatch, text: str, icon: str
) -> None:
    screen = Screen()
    shown = view(monkeypatch, screen)
    shown.note(text, icon)
    shown.close()
    assert len(screen.coloured(0)) == 1
    assert screen.shown[0][2:] == text


def test_of_a_gates_line_the_name_is_coloured_too(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    shown = view(monkeypatch, screen, fold=False)
    shown.entry(entries(ev.GateOpened(gate=State.FIX, evidence=(), seconds=1.0))[0])
    shown.close()
    assert screen.coloured(0) == "✔FIX"


def test_a_run_that_is_taken_up_begins_a_list_of_its_own(monkeypatch: pytest.MonkeyPatch, two: World) -> None:
    """A deploy judges its tree, and then finds an older run, with events from a clock that stood earlier."""
    two.deploy(V3)
    old = two.journal.last_run()
    part = [e for e in old[:11] if not isinstance(e.body, ev.RunStarted)]
    newer = [ev.Entry(seq=1, at=e.at + 1000, run="run-9", body=e.body, prev="") for e in part]
    lines = drawn(monkeypatch, [*newer, *old]).lines
    assert not any("-" in line[70:] for line in lines)
    assert [line[:20].rstrip("; ") for line in lines[:3]] == [
        "✔ checks    10 gates", "· deploy v1.0.3-l9 t", "✔ checks    11 gates",
    ]  # fmt: skip


def test_a_run_that_stopped_in_the_middle_of_a_phase_is_left_gate_by_gate(
    monkeypatch: pytest.MonkeyPatch, two: World
) -> None:
    two.deploy(V3)
    journal = two.journal.last_run()
    launching = next(
        n for n, e in enumerate(journal)
        if isinstance(e.body, ev.GateEntered) and e.body.gate is State.BLUE_GREEN_LAUNCH
    )  # fmt: skip
    newer = [ev.Entry(seq=1, at=e.at, run="run-9", body=e.body, prev="") for e in journal]
    lines = drawn(monkeypatch, [*journal[: launching + 1], *newer]).lines
    assert [line.split()[1] for line in lines[:5]] == [
        "deploy", "checks", "VPS-TAG-VERIFIED", "IMAGES-READY", "deploy",
    ]  # fmt: skip


def test_colours_and_escapes_of_others_move_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    shown = view(monkeypatch, screen)
    evil = "\x1b[2J\x1b]0;title\x07a\rb\x9b31m"
    finding = ev.Finding(
        invariant="i", verdict=VerdictKind.FAIL, expected=evil, found=evil, remedy=evil, log=(evil, evil)
    )
    shown.progress(ProgressLine(gate=evil, found=evil))
    shown.line(evil)
    shown.refresh()
    shown.note(evil)
    journal = entries(
        ev.GateEntered(gate=State.HOST_READY),
        ev.ActionIntended(
            gate=State.ROUTE_TRAFFIC, step=0, action=SwitchRoute(to=Slot.BLUE, back=Slot.GREEN)
        ),
        ev.GateOpened(gate=State.ROUTE_TRAFFIC, evidence=(ev.Evidence(invariant=evil, found=evil),)),
        ev.GateClosed(gate=State.BAKE, findings=(finding,)),
        ev.RunFinished(outcome=State.REFUSED, live=evil, slot=None, standby=None, exit_code=3, seconds=1.0),
    )
    for entry in journal:
        shown.entry(entry)
    shown.close()
    assert not any(bad in screen.raw for bad in ("\x1b[2J", "\x1b]0;", "a\rb", "\x9b"))


def test_no_color_has_no_colour(monkeypatch: pytest.MonkeyPatch, two: World) -> None:
    two.deploy(V3, NEVER_HEALTHY)
    monkeypatch.setenv("NO_COLOR", "1")
    screen = drawn(monkeypatch, two.journal.last_run())
    assert not re.search(r"\x1b\[[\d;]*m", screen.raw)
    assert any(line.startswith("✘ REFUSED") for line in screen.lines)


def test_colours(monkeypatch: pytest.MonkeyPatch, two: World) -> None:
    two.deploy(V3, NEVER_HEALTHY)
    assert "\x1b[1;31m✘" in drawn(monkeypatch, two.journal.last_run()).raw


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_gets_icons_that_it_has(
    monkeypatch: pytest.MonkeyPatch, two: World, encoding: str
) -> None:
    two.deploy(V3, GOOD)
    screen = Screen(encoding=encoding)
    shown = view(monkeypatch, screen)
    for entry in two.journal.last_run():
        shown.entry(entry)
        shown.progress(ProgressLine(gate="BAKE", found="über ✔", done=1, total=2))
        shown.refresh()
    shown.note("déjà vu ✔")
    shown.close()
    assert screen.shown[1].startswith("+ checks    11 gates; ")
    assert screen.shown[-1].endswith("vu \\u2714")


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(
    monkeypatch: pytest.MonkeyPatch, two: World, columns: int
) -> None:
    two.deploy(V3)
    lines = drawn(monkeypatch, two.journal.last_run(), columns).lines
    assert all(cell_len(line) <= columns for line in lines)
    assert [line.split()[1] for line in lines[-7:-1] if line[0] == "✔"][:5] == [
        "checks", "prepare", "switch", "bake", "finish",
    ]  # fmt: skip
