"""One tag of a repository, peeled to its commit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from l9.core.facts import Tag
from l9.drivers.git import commands as git
from l9.drivers.git.runner import run, run_checked


def read_tag(top: Path, name: str, env: Mapping[str, str] | None = None) -> Tag:
    """Return a tag with its commit and tree; both are empty if it is not of a commit.

    Raises ActionError if git fails.
    """
    tag = git.parse_tag(name, run_checked(git.show_tag(name), cwd=top, env=env))
    if tag.object_id is None or tag.commit:
        return tag
    commit, tree = peel(top, name, env)
    return replace(tag, commit=commit, tree=tree)


def peel(top: Path, name: str, env: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Return the commit and the tree of a tag, also of a tag of a tag; empty if it is not of a commit."""
    done = run(git.peel(name), cwd=top, env=env)
    commit, tree = done.out.split() if done.code == 0 else ("", "")
    return commit, tree
