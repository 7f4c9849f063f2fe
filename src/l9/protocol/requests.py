"""The requests of the operator's side: one typed object a command. None of them carries configuration.

A request's data on a release (commit, tag object, blob of `l9.toml`, the gates before the host's) is a claim: the
host compares it with its own clone, and records it as a claim. Its options can only tighten the settings.
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

# The rule of `check_tag_name` as one pattern: the host validates a request before it uses it.
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
    """A release in the operator's clone. `config_blob` is the git blob of its `l9.toml`."""

    tag: Tag
    commit: ObjectId
    tag_object: ObjectId
    tree: ObjectId
    config_blob: ObjectId


class Deploy(Ask, frozen=True, kw_only=True, tag="deploy"):
    """Deploy a release. `claims` are the events of the gates before the host's.

    `wait`: the limit of the wait for another run, in seconds. `again`: deploy a release that is already live.
    """

    run: RunId
    release: ReleaseClaim
    claims: tuple[ev.AnyEvent, ...] = ()
    env: ResolvedEnv | None = None
    wait: Seconds = 0.0
    again: bool = False
    rebuild: bool = False


class Rollback(Ask, frozen=True, kw_only=True, tag="rollback"):
    """Roll back to a release; to the previous good one if `tag` is None."""

    run: RunId
    tag: Tag | None = None
    reason: Reason = ""
    wait: Seconds = 0.0
    rebuild: bool = False


class Resume(Ask, frozen=True, kw_only=True, tag="resume"):
    """Resume a run (interrupted, or in FAIL-STATE), watch the one in progress, or bring back the release on record."""

    wait: Seconds = 0.0


class Status(Ask, frozen=True, kw_only=True, tag="status"):
    """Report the live slot, the standby slot, and a run in progress."""


class History(Ask, frozen=True, kw_only=True, tag="history"):
    """Return the newest runs; with `verify`, verify the journal's chain."""

    most: Count = 20
    verify: bool = False


class Explain(Ask, frozen=True, kw_only=True, tag="explain"):
    """Return one run: by its id, by its release, or the newest one."""

    what: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class Logs(Ask, frozen=True, kw_only=True, tag="logs"):
    """Return the last lines of a slot's log; of the live one if `slot` is None."""

    slot: Slot | None = None
    most: Count = 100


class Drift(Ask, frozen=True, kw_only=True, tag="drift"):
    """Compare the host with its record."""


class Preview(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data to judge a release before it is on the host: names and shapes of its environment file."""

    env_file: InsidePath = ".env"
    env_rules: tuple[Rule, ...] = ()
    env_source: str = ""


class Plan(Ask, frozen=True, kw_only=True, tag="plan"):
    """Plan a deploy. `compose_files` are texts by path in the tree. `release` is None for a missing tag."""

    release: ReleaseClaim | None
    preview: Preview = Preview()
    compose_files: dict[str, str] = {}


class Check(Ask, frozen=True, kw_only=True, tag="check"):
    """Judge every invariant of the host that can be judged now. `release` is None if there is none to release."""

    release: ReleaseClaim | None = None
    preview: Preview = Preview()


class Env(Ask, frozen=True, kw_only=True, tag="env"):
    """Judge the host's environment file by rules: names and shapes, never a value."""

    file: InsidePath
    rules: tuple[Rule, ...]


class EnvPrints(Ask, frozen=True, kw_only=True, tag="env-prints"):
    """Return fingerprints of the values in the host's environment file, under a key for this one comparison."""

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
    """The client's one message. `ask` is decoded only if versions and graphs agree.

    `instance` is the client's target; the host's own settings define it.
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
