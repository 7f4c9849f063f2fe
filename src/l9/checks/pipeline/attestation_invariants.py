"""That CGMP passed on the very tree that goes live, by the word of somebody whose word counts: here and on the host."""

from __future__ import annotations

from l9.checks.context import Context
from l9.checks.pipeline.attestation import STAGES
from l9.core.facts import Attested, Facts
from l9.core.invariant import invariant
from l9.core.verdict import Fail, Pass, Unknown, Verdict


def judge_attested(facts: Facts, context: Context) -> Verdict:
    """One rule for both sides; what is not asked for may be absent, and is evidence where it is there."""
    seen = facts.the(Attested)
    expected = f"tree {seen.tree[:12]} attested to have passed {', '.join(STAGES)}, by an allowed signer"
    if seen.signer is not None:
        return Pass(f"{', '.join(STAGES)} passed on tree {seen.tree[:12]}, attested by {seen.signer}")
    if not context.settings.release.require_attestation:
        return Pass("not asked for")
    if seen.unseen:
        return Unknown(seen.problem, seen.remedy, expected)
    return Fail(expected, seen.problem, seen.remedy)


ATTESTED_HERE = invariant(
    "repository.attested",
    Attested,
    why="the host will ask for the evidence that travels with the tag; without it nothing need be pushed",
    clause="spec 2.1 (non-bypassable)",
)(judge_attested)

ATTESTED_ON_HOST = invariant(
    "host.attested",
    Attested,
    why="a hook can be skipped and a laptop can claim anything; a signature that the host verifies cannot",
    clause="spec 2.1 (non-bypassable)",
)(judge_attested)
