"""Lists the releases of a working copy, with the signature, the attestation and the targets of each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import msgspec

from l9.config.model import Config
from l9.drivers.git.releases import GitReleases, Listed
from l9.drivers.git.repo import GitRepo
from l9.drivers.process.concurrency import run_concurrently
from l9.errors import L9Error
from l9.protocol.answers.releases import ReleaseLine


def list_releases(repo: GitRepo, config: Config, most: int) -> tuple[ReleaseLine, ...]:
    """Return the newest `most` releases, highest version first, without their targets. Changes nothing."""
    found = GitReleases(repo.top, config).newest(most)
    lines: dict[str, ReleaseLine] = {}

    def judge(one: Listed) -> None:
        lines[one.tag] = _line(repo, one)

    run_concurrently([partial(judge, one) for one in found])
    return tuple(lines[one.tag] for one in found)


def placed(line: ReleaseLine, places: Mapping[str, Mapping[str, str]]) -> ReleaseLine:
    """Return the line with the targets that have the release; `places`: target to release to its state there."""
    where = {target: states[line.tag] for target, states in places.items() if line.tag in states}
    return msgspec.structs.replace(line, where=where)


def _line(repo: GitRepo, one: Listed) -> ReleaseLine:
    state, by, signer, problem = "unknown", "", None, ""
    try:
        signature, attested = repo.history.signature(one.tag), repo.attested(one.tag)
        state, by, signer, problem = signature.state, signature.by, attested.signer, attested.problem
    except L9Error as error:
        problem = error.summary
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
