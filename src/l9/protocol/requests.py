"""The requests that the operator's side sends: one typed object a command. None of them carries configuration.

What a request says of a release (commit, tag object, blob of `l9.toml`, the gates before the host's) is a claim: the
host compares it with its own clone, and records it as a claim. Its options may only ask for more.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from l9.checks.environment.resolved import ResolvedEnv
from l9.checks.environment.schema import Rule
from l9.config.model import END, InsidePath
from l9.core import events as ev
from l9.core.states import Slot

SCHEMA = "l9.agent/2"

# The rule of `check_tag_name` as one pattern: what is sent to a host is held to it before anything reads it.
Tag = Annotated[
    str,
    msgspec.Meta(
        pattern=(
            r"^(?![-/])(?!@$)(?!.*//)(?!.*\.\.)(?!(.*/)?\.)(?!.*[./]$)(?!.*\.lock(/|$))"
            rf"[A-Za-z0-9._+,=%@/-]+{END}"
        ),
        min_length=1,
        max_length=128,
        description="a release's tag: a name that is safe as a git reference and as a path",
    ),
]
RunId = Annotated[
    str, msgspec.Meta(pattern=rf"^[0-9]{{8}}T[0-9]{{6}}Z-[0-9a-f]{{4,16}}{END}", description="a run's id")
]
ObjectId = Annotated[
    str, msgspec.Meta(pattern=rf"^[0-9a-f]{{40}}([0-9a-f]{{24}})?{END}", description="a git object's id")
]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400, description="seconds")]
Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Reason = Annotated[str, msgspec.Meta(max_length=1000)]
Key = Annotated[
    str, msgspec.Meta(pattern=rf"^[0-9a-f]{{32,128}}{END}", description="a key, in hexadecimal digits")
]


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", forbid_unknown_fields=True):
    """Base of all requests."""


class ReleaseClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A release as the operator's clone has it. `config_blob` is the git blob of its `l9.toml`."""

    tag: Tag
    commit: ObjectId
    tag_object: ObjectId
    tree: ObjectId
    config_blob: ObjectId


class Deploy(Ask, frozen=True, kw_only=True, tag="deploy"):
    """Take a release live. `claims` are the events of the gates before the host's.

    `wait`: how long another run is waited for. `again`: also when the release is live already.
    """

    run: RunId
    release: ReleaseClaim
    claims: tuple[ev.AnyEvent, ...] = ()
    env: ResolvedEnv | None = None
    wait: Seconds = 0.0
    again: bool = False
    rebuild: bool = False


class Rollback(Ask, frozen=True, kw_only=True, tag="rollback"):
    """Go back to a release; to the previous good one where `tag` is None."""

    run: RunId
    tag: Tag | None = None
    reason: Reason = ""
    wait: Seconds = 0.0
    rebuild: bool = False


class Resume(Ask, frozen=True, kw_only=True, tag="resume"):
    """Take up an interrupted run, or watch the one that is on."""

    wait: Seconds = 0.0


class Status(Ask, frozen=True, kw_only=True, tag="status"):
    """What is live, what stands by, and whether a run is on."""


class History(Ask, frozen=True, kw_only=True, tag="history"):
    """The newest runs; with `verify`, whether the journal's chain holds."""

    most: Count = 20
    verify: bool = False


class Explain(Ask, frozen=True, kw_only=True, tag="explain"):
    """One run: by its id, by its release, or the newest one."""

    what: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class Logs(Ask, frozen=True, kw_only=True, tag="logs"):
    """The last lines of a slot's log; of the live one where `slot` is None."""

    slot: Slot | None = None
    most: Count = 100


class Drift(Ask, frozen=True, kw_only=True, tag="drift"):
    """Compare the host with its record."""


class Preview(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be judged of a release before it is on the host: its environment file, by names and shapes."""

    env_file: InsidePath = ".env"
    env_rules: tuple[Rule, ...] = ()
    env_source: str = ""


class Plan(Ask, frozen=True, kw_only=True, tag="plan"):
    """The steps of a deploy. `compose_files` are texts by path in the tree. `release` is None for a missing tag."""

    release: ReleaseClaim | None
    preview: Preview = Preview()
    compose_files: dict[str, str] = {}


class Check(Ask, frozen=True, kw_only=True, tag="check"):
    """Every invariant of the host that can be judged now. `release` is None where nothing would be released."""

    release: ReleaseClaim | None = None
    preview: Preview = Preview()


class Env(Ask, frozen=True, kw_only=True, tag="env"):
    """The host's environment file against rules: names and shapes, never a value."""

    file: InsidePath
    rules: tuple[Rule, ...]


class EnvPrints(Ask, frozen=True, kw_only=True, tag="env-prints"):
    """Fingerprints of the values in the host's environment file, under a key made for this one comparison."""

    file: InsidePath
    key: Key


class Tick(Ask, frozen=True, kw_only=True, tag="tick"):
    """Recover an interrupted run; stop a standby slot whose time is over."""


AnyAsk = (
    Deploy
    | Rollback
    | Resume
    | Status
    | History
    | Explain
    | Logs
    | Drift
    | Plan
    | Check
    | Env
    | EnvPrints
    | Tick
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The one message that the client sends. `ask` is decoded only where versions and graphs agree.

    `instance` is the target that the client means; the settings that the host has decide what that is.
    """

    version: str
    graph: str
    instance: str
    who: Annotated[str, msgspec.Meta(max_length=200)]
    ask: msgspec.Raw
    schema: str = SCHEMA


LONGEST = 20_000_000  # bytes of a request: compose files, and an environment

encode_ask = msgspec.json.Encoder().encode
decode_request = msgspec.json.Decoder(Request).decode
decode_ask = msgspec.json.Decoder(AnyAsk).decode
