"""Attests a passed tree: signs a statement about it, and stores that as a note in the repository."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from fnmatch import fnmatch

from l9 import __version__
from l9.checks.pipeline.attestation import NAMESPACE, PAYLOAD_TYPE, pae, seal, state
from l9.checks.pipeline.stages import CgmpReport
from l9.config.model import Config
from l9.configuration import FILE
from l9.drivers.git.repo import GitRepo
from l9.drivers.signing.ssh_keys import find_key, sign
from l9.errors import GateClosed

DEPENDS_ON = (FILE, "Dockerfile", "*/Dockerfile", "pyproject.toml", "*.lock")


def attest(repo: GitRepo, config: Config, report: CgmpReport, name: str) -> str:
    """Sign and store that the tree of release `name` (of HEAD, if empty) passed; return the key's fingerprint.

    Raises GateClosed if it did not pass, ActionError if there is no key to sign with.
    """
    if not report.passed:
        raise GateClosed(
            "not all stages passed, and nothing was attested",
            expected="fix, sim, cov and oracle green",
            found=", ".join(f"{one.stage} {'green' if one.ok else one.found}" for one in report.stages)
            or "no stage ran",
            remedy="l9 cgmp",
        )
    key = find_key(config.release.signing_key, repo.top)
    body = state(
        report,
        app=config.app,
        commit=repo.tag(name).commit,
        version=__version__,
        skipped=frozenset(config.cgmp.skip),
        configuration=digests(repo, name, (*DEPENDS_ON, *config.check.requirements)),
    )
    signature, fingerprint = sign(pae(PAYLOAD_TYPE, body), key, NAMESPACE)
    repo.notes.add(report.tree, seal(body, signature, fingerprint))
    if report.openapi is not None:
        repo.notes.keep_openapi(report.tree, report.openapi)
    return fingerprint


def digests(repo: GitRepo, name: str, patterns: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of each file of the tree that matches one of the patterns."""
    tree, wanted = repo.tree(name), tuple(patterns)
    found = tree.read(path for path in tree.files if any(fnmatch(path, pattern) for pattern in wanted))
    return {path: hashlib.sha256(data).hexdigest() for path, data in found.items()}
