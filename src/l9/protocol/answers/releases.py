"""`l9 release` and `l9 releases`."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from l9.checks.git.next_release import Bump
from l9.protocol.answers.answer import Answer


class MadeRelease(Answer, frozen=True, kw_only=True, tag="l9.release/1"):
    """`l9 release`: the release that was made, or would be with `dry_run`. `needed`: how far the version had to grow.

    `signer` attested the tree: a name where the signature counts here, else the key.
    """

    tag: str
    commit: str
    tree: str
    previous: str | None
    needed: Bump
    message: str
    signer: str
    dry_run: bool


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


class Releases(Answer, frozen=True, kw_only=True, tag="l9.releases/1"):
    """`l9 releases`: newest first; `targets` are those that were asked where they are."""

    releases: tuple[ReleaseLine, ...]
    targets: tuple[TargetAsked, ...]
