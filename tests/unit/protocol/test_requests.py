"""Requests: typed, strict, and without configuration; the host holds names to the rule that the operator's side has."""

from __future__ import annotations

import re
import typing
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from l9.checks.environment.schema import read_schema
from l9.checks.git.versions import MAX_TAG_CHARS, check_tag_name
from l9.config.model import Config
from l9.config.settings import Acceptance, ReleaseSettings, ServerSettings
from l9.core.states import Slot
from l9.protocol import requests as ask

RUN, ID = "20261130T120000Z-abcd", "a" * 40
CLAIM = ask.ReleaseClaim(tag="v1.0.0-l9", commit=ID, tag_object=ID, tree=ID, config_blob="b" * 64)
RULES = read_schema("A=1\nB=YOUR_KEY_HERE\n").rules
PREVIEW = ask.Preview(env_rules=RULES, env_source="env.age")
EACH: tuple[ask.AnyAsk, ...] = (
    ask.Deploy(run=RUN, release=CLAIM, wait=5, again=True, rebuild=True),
    ask.Rollback(run=RUN, tag="v1.0.0-l9", reason="it was slow", wait=5, rebuild=True),
    ask.Rollback(run=RUN),
    ask.Resume(wait=1),
    ask.Status(),
    ask.History(most=3, verify=True),
    ask.Explain(what="v1.0.0-l9"),
    ask.Logs(slot=Slot.BLUE, most=7),
    ask.Drift(),
    ask.Plan(release=CLAIM, preview=PREVIEW, compose_files={"compose.yaml": "services: {}\n"}),
    ask.Check(release=CLAIM, preview=PREVIEW),
    ask.Check(),
    ask.Env(file=".env", rules=RULES),
    ask.EnvPrints(file="config/.env", key="0" * 32),
    ask.Tick(),
)


def test_each_kind_of_request_is_tried() -> None:
    assert {type(one) for one in EACH} == set(typing.get_args(ask.AnyAsk))


@pytest.mark.parametrize("asked", EACH, ids=lambda asked: type(asked).__name__)
def test_what_is_sent_is_what_is_read(asked: ask.AnyAsk) -> None:
    assert ask.decode_ask(ask.encode_ask(asked)) == asked


@pytest.mark.parametrize("asked", EACH, ids=lambda asked: type(asked).__name__)
@pytest.mark.parametrize("name", ["config", "settings", "path", "unknown"])
def test_an_unknown_field_is_refused_at_every_depth(asked: ask.AnyAsk, name: str) -> None:
    document = msgspec.to_builtins(asked)
    inner = [document, *(document[key] for key in ("release", "preview") if document.get(key))]
    for place in inner:
        place[name] = {}
        with pytest.raises(msgspec.ValidationError, match="unknown field"):
            ask.decode_ask(msgspec.json.encode(document))
        del place[name]


def _types(of: Any, seen: set[Any]) -> set[Any]:
    """All types that a value of this type may hold."""
    if of in seen:
        return seen
    seen.add(of)
    if isinstance(of, type) and issubclass(of, msgspec.Struct):
        for hint in typing.get_type_hints(of).values():
            _types(hint, seen)
    for argument in typing.get_args(of):
        if isinstance(argument, type) or typing.get_args(argument):
            _types(argument, seen)
    return seen


def test_no_request_can_hold_configuration() -> None:
    held = _types(ask.AnyAsk, set())
    assert ask.ReleaseClaim in held
    assert not held & {Config, ServerSettings, ReleaseSettings, Acceptance}


# ── names ────────────────────────────────────────────────────────────────────────────────────────


def _converts(value: str, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


PARTS = st.sampled_from(
    [
        "v1",
        "a",
        "Z",
        "0",
        ".",
        "..",
        "/",
        "//",
        "-",
        "_",
        "+",
        ",",
        "=",
        "%",
        "@",
        "@{",
        ".lock",
        ".lock/",
        "\n",
    ]
)


@given(st.one_of(st.text(max_size=20), st.lists(PARTS, max_size=8).map("".join)))
@example("v1.0.0-l9")
@example("v1\n")
@example("@")
@example("a.lock")
@example("a.lock\n")
@example("a/.b")
@example("a" * MAX_TAG_CHARS)
@example("a" * (MAX_TAG_CHARS + 1))
@example("é")
@example("١")
def test_a_tag_is_sent_exactly_where_it_may_be_used(tag: str) -> None:
    assert _converts(tag, ask.Tag) is (check_tag_name(tag) is None)


@pytest.mark.parametrize("form", ["{}", "v{}", "{}v", "v{}v", "v/{}"])
def test_each_character_of_a_tag_is_judged_alike(form: str) -> None:
    tags = [form.format(chr(code)) for code in range(256)]
    assert [tag for tag in tags if _converts(tag, ask.Tag)] == [
        tag for tag in tags if not check_tag_name(tag)
    ]


@given(st.from_regex(re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4,16}"), fullmatch=True))
def test_a_run_id_is_one_plain_name(run: str) -> None:
    if run.isascii():
        assert _converts(run, ask.RunId)


@given(st.text(max_size=40), st.sampled_from(["/", "..", "\n", "\0", " ", "-", "é"]))
def test_no_run_id_leads_anywhere(text: str, odd: str) -> None:
    assert not _converts(text + odd, ask.RunId)
    assert not _converts(RUN + odd + text, ask.RunId)
    assert not _converts(odd + RUN, ask.RunId)


@pytest.mark.parametrize(
    "value", ["", "a" * 39, "a" * 41, "a" * 63, "a" * 65, "g" * 40, "A" * 40, "a" * 40 + "\n"]
)
def test_an_object_id_has_the_length_of_one(value: str) -> None:
    assert not _converts(value, ask.ObjectId)


def test_object_ids_of_both_hashes() -> None:
    assert _converts("0" * 40, ask.ObjectId)
    assert _converts("0" * 64, ask.ObjectId)
