"""The journal's vocabulary on the way to disk and back."""

from __future__ import annotations

import msgspec
import pytest

from l9.core import actions as do
from l9.core import events as ev
from l9.core.states import Slot, State
from l9.core.verdict import VerdictKind
from samples import STARTED

GATE = State.BAKE
EVENTS = (
    STARTED,
    ev.RunResumed(who="ada", why="the link dropped"),
    ev.RunAborted(who="ada", why="not now"),
    ev.GateEntered(gate=GATE),
    ev.ActionIntended(
        gate=GATE,
        step=3,
        action=do.SwitchRoute(to=Slot.GREEN, back=Slot.BLUE),
        undoes=1,
        evidence=(ev.Evidence(invariant="host.any", found="so"),),
    ),
    ev.ActionDone(gate=GATE, step=3, note="done", seconds=0.2),
    ev.ActionFailed(gate=GATE, step=3, expected="e", found="f", remedy="l9 status", log=("a", "b")),
    ev.GateOpened(gate=GATE, evidence=(ev.Evidence(invariant="host.any", found="so"),), seconds=1.5),
    ev.GateClosed(
        gate=GATE,
        findings=(
            ev.Finding(invariant="host.any", verdict=VerdictKind.FAIL, expected="e", found="f", log=("x",)),
        ),
    ),
    ev.RunFinished(
        outcome=State.SUCCESS,
        live="v1",
        slot=Slot.GREEN,
        standby=None,
        exit_code=0,
        seconds=9.0,
        good=("v1",),
    ),
    ev.TailRepaired(lost_bytes=17),
    ev.LineSetAside(
        file="journal.jsonl.set-aside-0123", bytes=9, sha256="0" * 64, expected="a JSON object", found="{"
    ),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.__struct_config__.tag)
def test_an_event_comes_back_from_the_journal_as_it_was(event: ev.AnyEvent) -> None:
    entry = ev.Entry(seq=1, at=1.25, run="run-1", body=event, prev="0" * 64, hash="f" * 64)
    line = msgspec.json.encode(entry)
    assert b"\n" not in line
    assert msgspec.json.decode(line, type=ev.Entry) == entry


def test_every_event_is_among_these() -> None:
    assert {type(event) for event in EVENTS} == set(ev.AnyEvent.__args__)


def test_fields_of_a_later_version_are_passed_over() -> None:
    entry = ev.Entry(seq=1, at=1.0, run="run-1", body=ev.GateEntered(gate=GATE), prev="")
    document = msgspec.to_builtins(entry)
    document["body"]["since"] = document["region"] = "later"
    assert msgspec.convert(document, ev.Entry) == entry
