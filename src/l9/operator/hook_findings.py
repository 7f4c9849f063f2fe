"""What a hook says of a commit, a message or a push."""

from __future__ import annotations

from l9.catalogue import Judged
from l9.checks.git.protection import Policy, Refusal, ref_name
from l9.protocol.answers.hooks import HookFinding

# How the ids of invariants begin; all else that a hook says is its own.
JUDGED = ("workspace.", "repository.")
ALONE = ("main.merges-only", "main.reviewed")


def of_invariants(judged: list[Judged]) -> list[HookFinding]:
    """What does not hold; nothing is said of what holds, is excused, or is pending."""
    return [
        HookFinding(
            about=one.id,
            found=one.found,
            closes=True,
            expected=one.expected,
            remedy=one.remedy,
            log=one.log,
        )
        for one in judged
        if one.closes
    ]


def of_refusals(refusals: tuple[Refusal, ...], policy: Policy) -> list[HookFinding]:
    """Refused references; who works alone is told of the way out."""
    way_out = f'where you work alone on {policy.main}: [release] review = "none"'
    return [
        HookFinding(
            about=f"{ref_name(one.ref)} ({one.rule})",
            found=one.found,
            closes=True,
            expected=one.expected,
            remedy=one.remedy,
            log=(way_out,) if one.rule in ALONE else (),
        )
        for one in refusals
    ]
