"""What was seen of the release's Dockerfile: frozen observations."""

from __future__ import annotations

import msgspec

from l9.checks.dockerfile.dockerfile import LintFinding, Recipe


class Dockerfile(msgspec.Struct, frozen=True):
    """The Dockerfile that the release is built from; `absent` says why nothing is built of the tag's tree.

    `unread`: why the linter has not judged it, and a command to type.
    """

    path: str = ""
    recipe: Recipe | None = None
    findings: tuple[LintFinding, ...] = ()
    unread: str = ""
    remedy: str = ""
    absent: str = ""
