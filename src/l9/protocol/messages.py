"""The frozen messages between the operator's side and the agent on the host: JSON Lines over a pipe."""

from __future__ import annotations

from typing import Any

import msgspec

from l9.core import events as ev

SCHEMA = "l9.agent/1"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The one message that the client sends. `config` is the target's configuration, without secrets."""

    command: str
    version: str
    graph: str
    config: dict[str, Any]
    who: str = ""
    params: dict[str, Any] = {}
    schema: str = SCHEMA


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of what the agent sends."""


class Hello(Message, frozen=True, tag="hello"):
    """First of all: who answers."""

    version: str
    graph: str
    host: str
    schema: str = SCHEMA


class Wrote(Message, frozen=True, tag="entry"):
    """A journal entry, as it was written."""

    entry: ev.Entry


class Progress(Message, frozen=True, tag="progress"):
    """How a gate that waits is doing; `done` and `total` in seconds or counts. Not journalled."""

    gate: str
    found: str
    done: float = 0.0
    total: float = 0.0


class Line(Message, frozen=True, tag="line"):
    """One line of a long action's output, or of a log."""

    text: str


class Note(Message, frozen=True, tag="note"):
    """A remark for whoever watches: that another run is waited for."""

    text: str


class Result(Message, frozen=True, tag="result"):
    """The command's answer; the last message of a command that did not fail."""

    data: dict[str, Any] = {}


class Failed(Message, frozen=True, tag="error"):
    """The error that ended the command, in the one envelope of all errors."""

    envelope: dict[str, Any]


AnyMessage = Hello | Wrote | Progress | Line | Note | Result | Failed

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(AnyMessage).decode
decode_request = msgspec.json.Decoder(Request).decode
