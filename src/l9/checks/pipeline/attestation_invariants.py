"""An allowed signer attests that CGMP passed on exactly the tree that goes live; judged here and on the host."""

from __future__ import annotations

from l9.checks.context import Context
from l9.checks.pipeline.attestation import STAGES
from l9.core.facts import Attested, Facts
from l9.core.invariant import invariant
from l9.core.verdict import Fail, Pass, Unknown, Verdict


def judge_attested(facts: Facts, context: Context) -> Verdict:
    """The rule of both sides. An attestation that is not required may be missing; an existing one is evidence."""
    seen = facts.the(Attested)
    expected = f"tree {seen.tree[:12]} attested to have passed {', '.join(STAGES)}, by an allowed signer"
    if seen.signer is not None:
        return Pass(f"{', '.join(STAGES)} passed on tree {seen.tree[:12]}, attested by {seen.signer}")
    if not context.settings.release.require_attestation:
        return Pass("an attestation is not required")
    if seen.unseen:
        return Unknown(seen.problem, seen.remedy, expected)
    return Fail(expected, seen.problem, seen.remedy)


ATTESTED_HERE = invariant(
    "repository.attested",
    Attested,
    why="the host requires the attestation that is pushed with the tag",
    clause="spec 2.1 (non-bypassable)",
)(judge_attested)

ATTESTED_ON_HOST = invariant(
    "host.attested",
    Attested,
    why="a hook can be skipped and a laptop can claim anything; a signature verified by the host is proof",
    clause="spec 2.1 (non-bypassable)",
)(judge_attested)
