"""`l9 env`: keys, shapes and fingerprints; never a value."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from l9.checks.environment.schema import EnvReport, KeyVerdict
from l9.protocol.answers.answer import Answer


class HostEnv(Answer, frozen=True, kw_only=True, tag="l9.host-env/1"):
    """The host's environment file, judged by the rules of the request."""

    report: EnvReport


class EnvPrints(Answer, frozen=True, kw_only=True, tag="l9.host-env-prints/1"):
    """Fingerprints of the host's values, under the key of one comparison."""

    path: str
    exists: bool
    prints: Mapping[str, str]


class EnvCheck(Answer, frozen=True, kw_only=True, tag="l9.env-check/1"):
    """`l9 env check`: `target` is None for a local file. `mode` is octal, empty if there is no file."""

    target: str | None
    path: str
    example: str
    tag: str | None
    ok: bool
    exists: bool
    mode: str
    keys: tuple[KeyVerdict, ...]
    duplicates: tuple[str, ...]
    bad_lines: tuple[int, ...]


class ComparedKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key of two files. `result` is same, differs, only in A or only in B."""

    key: str
    result: str


class EnvDiff(Answer, frozen=True, kw_only=True, tag="l9.env-diff/1"):
    """`l9 env diff A B`: exit code 7 if `same` is false."""

    a: str
    b: str
    same: bool
    keys: tuple[ComparedKey, ...]
