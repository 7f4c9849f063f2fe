"""A release as `l9 releases` lists it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class ReleaseLine(msgspec.Struct, frozen=True, kw_only=True):
    """One release. `at` is seconds since the epoch; `commits` those since `previous`, or all.

    signature: none, good, bad, or unknown where nobody could look. attestation: why none counts, in words, where
    `attested_by` is None. where: target to live, standby or retained.
    """

    tag: str
    commit: str
    tree: str
    at: float
    tagger: str
    previous: str | None
    commits: int
    signature: str
    signed_by: str
    attested_by: str | None
    attestation: str
    where: Mapping[str, str]


class TargetAsked(msgspec.Struct, frozen=True, kw_only=True):
    """One target; `problem` says why it did not answer, and is empty where it did."""

    target: str
    problem: str = ""
    remedy: str = ""
