"""`l9 release` and `l9 releases`."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from l9.checks.git.next_release import Bump
from l9.protocol.answers.answer import Answer


class MadeRelease(Answer, frozen=True, kw_only=True, tag="l9.release/1"):
    """`l9 release`: the new release, only planned with `dry_run`. `needed`: the least increment of the version.

    `signer` attested the tree: a name if the signer is allowed here, else the key.
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

    signature: none, good, bad, or unknown if it could not be verified. attestation: the reason why none counts, if
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
    """One target. `problem`: the reason why it did not answer, or empty."""

    target: str
    problem: str = ""
    remedy: str = ""


class Releases(Answer, frozen=True, kw_only=True, tag="l9.releases/1"):
    """`l9 releases`: newest first. `targets`: the targets that were queried."""

    releases: tuple[ReleaseLine, ...]
    targets: tuple[TargetAsked, ...]
