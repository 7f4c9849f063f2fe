"""The findings of a hook about a commit, a message or a push."""

from __future__ import annotations

from l9.catalogue import Judged
from l9.checks.git.protection import Policy, Refusal, ref_name
from l9.protocol.answers.hooks import HookFinding

# Prefixes of invariant ids; other findings are the hook's own.
JUDGED = ("workspace.", "repository.")
ALONE = ("main.merges-only", "main.reviewed")


def of_invariants(judged: list[Judged]) -> list[HookFinding]:
    """Return a finding for each invariant that fails; those that hold, are waived, or are pending have none."""
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
    """Return a finding for each refused reference; rules about review name the setting that turns them off."""
    way_out = f'if you work alone on {policy.main}, set [release] review = "none" in l9.toml'
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
