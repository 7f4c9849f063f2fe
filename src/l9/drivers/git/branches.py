"""The branches of a working copy and of its origin, compared with main."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from l9.checks.git.facts import Branch, Branches
from l9.drivers.git import branches_commands as git
from l9.drivers.git.runner import run_checked
from l9.drivers.process.concurrency import run_concurrently

TOGETHER = 8
MOST = 200  # branches compared, with one process each


def branches(top: Path, main: str) -> Branches:
    """Return all branches except main, by name; none before the first commit. Raises ActionError if git fails."""
    heads = git.parse_heads(run_checked(git.list_heads(), cwd=top))
    mains = {head.where: head.commit for head in heads if head.name == main}
    base = mains.get("origin", mains.get("local"))
    others = sorted(head for head in heads if head.name != main)
    found: dict[git.Head, git.Distance] = {}

    def look(head: git.Head) -> None:
        found[head] = git.parse_distance(run_checked(git.distance(str(base), head.commit), cwd=top))

    if base is not None:
        for start in range(0, min(len(others), MOST), TOGETHER):
            run_concurrently([partial(look, head) for head in others[start : min(start + TOGETHER, MOST)]])
    return Branches(main, tuple(_branch(head, found.get(head)) for head in others), known=base is not None)


def _branch(head: git.Head, away: git.Distance | None) -> Branch:
    if away is None:
        return Branch(head.name, head.where, head.commit, head.at, head.at)
    began = head.at if away.began is None else away.began
    return Branch(head.name, head.where, head.commit, head.at, began, away.ahead, away.behind)
