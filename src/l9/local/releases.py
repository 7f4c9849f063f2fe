"""The releases of a working copy, with what verifies of each, and where each is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import msgspec

from l9.adapters.git_releases import GitReleases, Listed
from l9.adapters.git_repo import GitRepo
from l9.adapters.threads import at_once
from l9.config.model import Config
from l9.errors import L9Error


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


def list_releases(repo: GitRepo, config: Config, most: int) -> tuple[ReleaseLine, ...]:
    """The newest releases, highest version first, and nowhere yet. Changes nothing."""
    found = GitReleases(repo.top, config).newest(most)
    lines: dict[str, ReleaseLine] = {}

    def judge(one: Listed) -> None:
        lines[one.tag] = _line(repo, one)

    at_once([partial(judge, one) for one in found])
    return tuple(lines[one.tag] for one in found)


def placed(line: ReleaseLine, places: Mapping[str, Mapping[str, str]]) -> ReleaseLine:
    """The release with where it is; `places`: target to release to live, standby or retained."""
    where = {target: states[line.tag] for target, states in places.items() if line.tag in states}
    return msgspec.structs.replace(line, where=where)


def _line(repo: GitRepo, one: Listed) -> ReleaseLine:
    state, by, signer, problem = "unknown", "", None, ""
    try:
        signature, attested = repo.history.signature(one.tag), repo.attested(one.tag)
        state, by, signer, problem = signature.state, signature.by, attested.signer, attested.problem
    except L9Error as error:
        problem = error.said
    return ReleaseLine(
        tag=one.tag,
        commit=one.commit,
        tree=one.tree,
        at=one.at,
        tagger=one.tagger,
        previous=one.previous,
        commits=one.commits,
        signature=state,
        signed_by=by,
        attested_by=signer,
        attestation=problem,
        where={},
    )
