"""Observations of the release's Dockerfile."""

from __future__ import annotations

import msgspec

from l9.checks.dockerfile.dockerfile import LintFinding, Recipe


class Dockerfile(msgspec.Struct, frozen=True):
    """The Dockerfile of the release; `absent` is the reason for which nothing is built from the tag's tree.

    `unread`: the reason for which the linter could not read it; `remedy` is a command to type.
    """

    path: str = ""
    recipe: Recipe | None = None
    findings: tuple[LintFinding, ...] = ()
    unread: str = ""
    remedy: str = ""
    absent: str = ""
