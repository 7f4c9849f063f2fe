"""What of a tree runs l9 for people: the spec's scripts, and the workflows of CI systems."""

from __future__ import annotations

from l9.checks.git.facts import Automation
from l9.checks.git.setup_invariants import SCRIPTS
from l9.drivers.git.tree import GitTree

WORKFLOWS = (".github/workflows", ".gitea/workflows", ".forgejo/workflows", ".gitlab-ci.yml")
DEPLOYS = r"l9 deploy|scripts/deploy\.sh"
PLAIN = "100644"  # a file as git has it that nobody may execute
TELLS = r"failure\(\)|when: *on_failure"


def automation(tree: GitTree) -> Automation:
    """Which scripts there are, and which workflows both deploy and do something when that failed."""
    there = [where for where in WORKFLOWS if any(path.startswith(where) for path in tree.files)]
    deploying = set(tree.holding(DEPLOYS, *there)) if there else set()
    telling = set(tree.holding(TELLS, *there)) if deploying else set()
    return Automation(
        tuple(path for path in SCRIPTS if path in tree.files),
        tuple(sorted(deploying & telling)),
        stiff_scripts(tree),
    )


def stiff_scripts(tree: GitTree) -> tuple[str, ...]:
    """The scripts that cannot be called by their names, since git does not have them as executable."""
    plain = (
        path
        for path, entry in tree.entries.items()
        if path.startswith("scripts/") and path.endswith(".sh") and entry.mode == PLAIN
    )
    return tuple(sorted(path for path, data in tree.read(plain).items() if data.startswith(b"#!")))
