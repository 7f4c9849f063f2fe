"""The scripts and CI workflows of a tree that run l9."""

from __future__ import annotations

from l9.checks.git.facts import Automation
from l9.checks.git.setup_invariants import SCRIPTS
from l9.drivers.git.tree import GitTree

WORKFLOWS = (".github/workflows", ".gitea/workflows", ".forgejo/workflows", ".gitlab-ci.yml")
DEPLOYS = r"l9 deploy|scripts/deploy\.sh"
PLAIN = "100644"  # git's mode of a file that is not executable
ON_FAILURE = r"failure\(\)|when: *on_failure"


def automation(tree: GitTree) -> Automation:
    """Find the spec's scripts, and the workflows that deploy and have a step for failures."""
    there = [where for where in WORKFLOWS if any(path.startswith(where) for path in tree.files)]
    deploying = set(tree.holding(DEPLOYS, *there)) if there else set()
    reporting = set(tree.holding(ON_FAILURE, *there)) if deploying else set()
    return Automation(
        tuple(path for path in SCRIPTS if path in tree.files),
        tuple(sorted(deploying & reporting)),
        scripts_without_mode(tree),
    )


def scripts_without_mode(tree: GitTree) -> tuple[str, ...]:
    """The scripts that begin with `#!` and have no executable bit in git."""
    plain = (
        path
        for path, entry in tree.entries.items()
        if path.startswith("scripts/") and path.endswith(".sh") and entry.mode == PLAIN
    )
    return tuple(sorted(path for path, data in tree.read(plain).items() if data.startswith(b"#!")))
