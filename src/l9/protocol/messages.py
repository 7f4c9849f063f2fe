"""The agent's messages to the operator's side: frozen objects, one JSON line each over a pipe.

The first is `Hello`. A run's lines are those of `--json`, and end in a `ResultLine`; a query has one
`Answered`. `Failed` ends either.
"""

from __future__ import annotations

from functools import cache

import msgspec

from l9.config.settings import ServerSettings
from l9.protocol.answers.check import HostCheck
from l9.protocol.answers.environment import EnvPrints, HostEnv
from l9.protocol.answers.error import Error
from l9.protocol.answers.plan import HostPlan
from l9.protocol.answers.run_lines import (
    EntryLine,
    NoteLine,
    ProgressLine,
    ResultLine,
    RunMessage,
    TextLine,
)
from l9.protocol.answers.runs import Explain, History, Verified
from l9.protocol.answers.status import DriftReport, Status, Tick
from l9.protocol.requests import SCHEMA


class Hello(RunMessage, frozen=True, kw_only=True, tag="hello"):
    """The first message: the agent's version and settings. `settings` is None if they are not usable."""

    version: str
    graph: str
    host: str
    settings: ServerSettings | None = None
    schema: str = SCHEMA


HostAnswer = (
    Status | Tick | History | Verified | Explain | DriftReport | HostPlan | HostCheck | HostEnv | EnvPrints
)


class Answered(RunMessage, frozen=True, kw_only=True, tag="answer"):
    """The answer to a query."""

    answer: HostAnswer


class Failed(RunMessage, frozen=True, kw_only=True, tag="error"):
    """The error that ended the command."""

    error: Error


AnyMessage = Hello | EntryLine | ProgressLine | TextLine | NoteLine | ResultLine | Answered | Failed

encode = msgspec.json.Encoder().encode
encode_answer = msgspec.json.Encoder().encode


def decode(line: bytes) -> AnyMessage:
    """Decode one line. Raises msgspec.DecodeError."""
    return _decoder().decode(line)


@cache
def _decoder() -> msgspec.json.Decoder[AnyMessage]:
    return msgspec.json.Decoder(AnyMessage)
