"""Actions, events and errors: each is known wherever it has to be."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from typing import Any, get_args

import msgspec
import pytest
from source import SRC, modules

from l9.checks.environment.env_file import Entry, EnvFile, Secret, parse_env
from l9.cli.main import cli
from l9.core import actions as do
from l9.core import events as ev
from l9.core.states import EXIT_CODES, Slot, SlotStatus, Stage, State
from l9.errors import L9Error
from l9.protocol.answers.error import Error

ACTIONS: tuple[type[do.Action], ...] = get_args(do.AnyAction)
EVENTS: tuple[type[ev.Event], ...] = get_args(ev.AnyEvent)
PERFORM = [
    ast.parse((SRC / side / "perform.py").read_text(encoding="utf-8")) for side in ("host", "operator")
]
SAMPLES = {
    "Slot": Slot.GREEN,
    "SlotStatus": SlotStatus.EXITED,
    "str": "v1",
    "Stage": Stage.SIM,
    "bool": True,
    "tuple[str, ...]": ("v1", "v2"),
}


def performed(performer: str) -> list[str]:
    """The actions that a class of perform.py has a case for."""
    (body,) = (
        node
        for tree in PERFORM
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == performer
    )
    return [
        node.cls.attr
        for node in ast.walk(body)
        if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Attribute)
    ]


def test_every_action_has_one_performer() -> None:
    cases = performed("HostPerformer") + performed("RepoPerformer")
    assert sorted(cases) == sorted(kind.__name__ for kind in ACTIONS)


def test_every_action_and_event_is_in_its_union() -> None:
    assert set(do.Action.__subclasses__()) == set(ACTIONS)
    assert set(ev.Event.__subclasses__()) == set(EVENTS)


@pytest.mark.parametrize("kind", ACTIONS)
def test_an_undo_is_performed_where_its_action_is(kind: type[do.Action]) -> None:
    action = kind(**{name: SAMPLES[str(note)] for name, note in kind.__annotations__.items()})
    undo = action.undo()
    if undo is not None:
        assert type(undo).__name__ in performed("HostPerformer")
        assert kind.__name__ in performed("HostPerformer")


@pytest.mark.parametrize("kind", ACTIONS)
def test_an_action_comes_back_from_the_journal_as_it_was(kind: type[do.Action]) -> None:
    action = kind(**{name: SAMPLES[str(note)] for name, note in kind.__annotations__.items()})
    intent = ev.ActionIntended(gate=State.BAKE, step=1, action=action)
    entry = ev.Entry(seq=1, at=1.0, run="run-1", body=intent, prev="")
    assert msgspec.json.decode(msgspec.json.encode(entry), type=ev.Entry) == entry


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


def every_error() -> list[type[L9Error]]:
    """All classes of the tree, those of modules that are only imported when needed included."""
    for name, tree in modules():
        if (
            any(isinstance(node, ast.ClassDef) and node.bases for node in tree.body)
            and "__main__" not in name
        ):
            import_module(name)
    found, todo = [], [L9Error]
    while todo:
        kind = todo.pop()
        if kind.__module__.startswith("l9."):
            found.append(kind)
            todo += kind.__subclasses__()
    return found


# A class without a code of its own is an adapter's, and is told as its parent.
ERRORS = [kind for kind in every_error() if "code" in vars(kind)]


def documented() -> set[int]:
    """The exit codes that the help names."""
    told = re.search(r"Exit codes: (.*)", " ".join((cli.help or "").split()))
    assert told
    return {int(code) for code in re.findall(r"(\d+) [a-zA-Z]", told[1])}


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in ERRORS]
    assert sorted(codes) == sorted(set(codes))
    assert all(re.fullmatch(r"[A-Z][A-Z_]+", code) for code in codes)


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_says_what_it_means_and_exits_as_documented(kind: type[L9Error]) -> None:
    assert kind.exit_code in documented() - {0}
    assert kind.__doc__
    error = kind("it failed", expected="this", found="that", remedy="l9 status", log=("a line",))
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(Error.of(error)))
    assert document["schema"] == "l9.error/1"
    assert (document["code"], document["exit_code"]) == (kind.code, kind.exit_code)
    assert document["evidence"] == [{"expected": "this", "observed": "that"}]
    assert document["remedy"] == [{"command": "l9 status", "when": ""}]


def test_a_runs_end_exits_as_documented() -> None:
    assert set(EXIT_CODES.values()) <= documented()
    assert documented() == {0, 1, 2, 3, 4, 5, 6, 7, 130}


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_shows_itself_in_no_way_but_by_name() -> None:
    secret = Secret("hunter2")
    env = parse_env("PASSWORD=hunter2\n")
    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", f"{[secret]}", repr(env)):
        assert "hunter2" not in text
    assert env == EnvFile((Entry("PASSWORD", secret, False, 1),))
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)
    assert secret.reveal() == "hunter2"
