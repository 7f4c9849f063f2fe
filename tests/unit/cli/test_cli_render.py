"""A run as it is watched: the same events in plain lines, as JSON Lines, and drawn."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator

import pytest

from l9.cli.render import JsonView, PlainView, feed, view
from l9.cli.render_tty import TtyView
from l9.cli.sentences import sentences
from l9.core import events as ev
from l9.core.actions import SwitchRoute
from l9.core.states import Slot, State
from l9.errors import Interrupted
from l9.protocol.messages import AnyMessage, Line, Progress, Result, Wrote

CLOSED = ev.GateClosed(
    gate=State.HOST_READY,
    findings=(
        ev.Finding(
            invariant="host.env-complete",
            verdict="fail",
            expected="mode 0600",
            found="0644",
            remedy="chmod 600 .env",
            log=("a \x1b[31mred\x1b[0m line",),
        ),
    ),
    seconds=0.5,
)
DONE = ev.RunFinished(
    outcome=State.SUCCESS, live="v1.0.0-l9", slot=Slot.BLUE, standby=None, exit_code=0, seconds=2.0
)


SWITCHING = ev.ActionIntended(
    gate=State.ROUTE_TRAFFIC, step=0, action=SwitchRoute(to=Slot.BLUE, back=Slot.GREEN)
)


def entry(body: ev.AnyEvent) -> ev.Entry:
    return ev.Entry(seq=1, at=0.0, run="r", body=body, prev="")


def plain(*bodies: ev.AnyEvent) -> str:
    out = io.StringIO()
    for body in bodies:
        PlainView(out).entry(entry(body))
    return out.getvalue()


def test_a_closed_gate_in_plain_lines() -> None:
    assert plain(CLOSED).splitlines() == [
        "✘ HOST-READY             0.50 s  closed",
        "      host.env-complete: expected mode 0600",
        "                   found 0644",
        "      | a red line",
        "      next: chmod 600 .env  # on the host",
    ]


def test_what_is_typed_here_is_not_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["l9", "deploy", "v1", "--target", "b"])
    finding = ev.Finding(invariant="i", verdict="fail", expected="e", found="f", remedy="l9 provision")
    assert "next: l9 provision --target b\n" in plain(
        ev.GateClosed(gate=State.HOST_READY, findings=(finding,))
    )
    finding = ev.Finding(invariant="i", verdict="fail", expected="e", found="f", remedy="git switch main")
    assert "next: git switch main\n" in plain(ev.GateClosed(gate=State.LOCAL_READY, findings=(finding,)))


def test_what_one_thing_keeps_closed_is_told_once() -> None:
    same = [ev.Finding(invariant=n, verdict="unknown", expected="a commit", found="none") for n in "abc"]
    other = ev.Finding(invariant="d", verdict="fail", expected="a tag", found="none")
    shown = plain(ev.GateClosed(gate=State.LOCAL_READY, findings=(same[0], other, *same[1:])))
    assert [line.strip() for line in shown.splitlines()[1:]] == [
        "a and 2 more: expected a commit",
        "found none",
        "d: expected a tag",
        "found none",
    ]


@pytest.mark.parametrize(
    ("event", "icon", "words"),
    [
        (ev.RunResumed(who="w", why="a crash"), "warn", "taken up again: a crash"),
        (ev.RunAborted(who="w", why="unwanted"), "back", "going back: unwanted"),
        (ev.GateEntered(gate=State.ROLLBACK), "back", "taking back what was done"),
        (
            ev.ActionFailed(gate=State.TAG_IN_GIT, step=1, expected="e", found="no origin"),
            "closed",
            "no origin",
        ),
        (DONE, "open", "v1.0.0-l9 is live in blue"),
    ],
)
def test_events_that_are_told(event: ev.AnyEvent, icon: str, words: str) -> None:
    ((shown, text),) = sentences(event)
    assert (shown, words in text) == (icon, True)


def test_events_that_only_matter_to_the_journal() -> None:
    assert sentences(SWITCHING) == []
    assert sentences(ev.GateEntered(gate=State.BAKE)) == []


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (State.REFUSED, "refused; nothing was changed"),
        (State.ROLLED_BACK, "rolled back; nothing is live"),
        (State.FAIL_STATE, "a person is needed; last known: nothing is live"),
    ],
)
def test_how_a_run_ended(outcome: State, words: str) -> None:
    end = ev.RunFinished(outcome=outcome, live=None, slot=None, standby=None, exit_code=3, seconds=1.0)
    assert words in plain(end)


def test_json_lines_begin_with_the_schema_once() -> None:
    out = io.StringIO()
    shown = JsonView(out)
    assert out.getvalue() == ""  # what is refused before any event is one document alone
    shown.entry(entry(CLOSED))
    shown.progress("BAKE", "3 of 30 s", 3, 30)
    shown.line("building")
    shown.note("a note", "warn")
    shown.result({"exit_code": 3})
    shown.close()
    first, *rest = [json.loads(line) for line in out.getvalue().splitlines()]
    assert first == {"type": "start", "schema": "l9.lines/1"}
    assert [r["type"] for r in rest] == ["entry", "progress", "line", "note", "result"]
    assert "\x1b" not in out.getvalue()


MESSAGES: tuple[AnyMessage, ...] = (
    Wrote(entry=entry(DONE)), Progress(gate="BAKE", found="x"), Line(text="y"), Result(data={"exit_code": 0}),
)  # fmt: skip


def test_feed_gives_the_results_data() -> None:
    out = io.StringIO()
    assert feed(MESSAGES, PlainView(out)) == {"exit_code": 0}
    assert "v1.0.0-l9 is live in blue" in out.getvalue()


@pytest.mark.parametrize(
    ("before", "says"), [(0, "if the run on the host has begun"), (1, "goes on by itself")]
)
def test_ctrl_c_while_watching(before: int, says: str) -> None:
    def interrupted() -> Iterator[AnyMessage]:
        yield from MESSAGES[:before]
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=says) as stopped:
        feed(interrupted(), PlainView(io.StringIO()))
    assert stopped.value.remedy == "l9 resume"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


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
    shown = view(mode, stream=Terminal() if terminal else io.StringIO())
    shown.close()
    assert isinstance(shown, kind)


def drawn(monkeypatch: pytest.MonkeyPatch, **env: str) -> str:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", **env}.items():
        monkeypatch.setenv(name, value)
    out = Terminal()
    shown = TtyView(out)
    shown.entry(entry(ev.GateEntered(gate=State.HOST_READY)))
    shown.entry(entry(SWITCHING))
    shown.progress("BAKE", "watched\x1b[2J", 1, 4)
    shown.line("a \x1b]0;title\x07line [red]")
    shown.note("what looks like [red]markup[/red]")
    shown.entry(entry(CLOSED))
    shown.entry(entry(DONE))
    shown.close()
    return out.getvalue()


def test_drawn_with_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch)
    assert "\x1b[1;31m" in text  # a closed gate, bold and red
    assert "\x1b[2J" not in text
    assert "\x1b]0;" not in text
    assert "[red]markup[/red]" in text


def test_drawn_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, NO_COLOR="1")
    assert "HOST-READY" in text
    assert not any(code in text for code in ("\x1b[1m", "\x1b[1;31m", "\x1b[2m", "\x1b[36m"))


def test_waiting_is_told_of_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    shown = PlainView(out)
    shown.progress("BAKE", "1 of 30 s", 1, 30)
    shown.line("building")
    assert out.getvalue() == ""
    monkeypatch.setattr(PlainView, "EVERY", -1.0)
    shown.progress("BAKE", "9 of 30 s", 9, 30)
    shown.line("still building")
    assert out.getvalue() == "· BAKE                 9 of 30 s\n·                      still building\n"
    shown.close()
