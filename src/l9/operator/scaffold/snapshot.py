"""A snapshot of one repository in the working directory, for `l9 init`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from l9.checks.environment.reads import EnvRead

Document = dict[str, Any]


class RepoSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A repository. `directory` is its name, `paths` all files that git tracks or would add.

    compose: readable compose files, resolved as far as possible without Docker; unread: the others, with the reason.
    texts: Dockerfiles, code and project files, by path. reads: variables that the repository reads and does not set.
    listens: variables in the code that name a port. ignored: env files that git ignores. published: origin has a main
    branch, so that changes to it need a review.
    """

    directory: str
    paths: frozenset[str] = frozenset()
    compose: Mapping[str, Document] = {}
    unread: Mapping[str, str] = {}
    texts: Mapping[str, str] = {}
    reads: tuple[EnvRead, ...] = ()
    listens: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    tags: tuple[str, ...] = ()
    branch: str = "main"
    origin: bool = True
    published: bool = False


class Note(msgspec.Struct, frozen=True):
    """A note for a person; `next` is a command to type, or empty."""

    what: str
    next: str = ""
