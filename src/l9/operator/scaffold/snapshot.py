"""What `l9 init` looked at: one repository, as it lies in the working directory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from l9.checks.environment.reads import EnvRead

Document = dict[str, Any]


class RepoSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A repository. `directory` is its name, `paths` all files that git knows or would know.

    compose: compose files that could be read, resolved as far as that goes without Docker; unread: those that could
    not, and why. texts: Dockerfiles, code and project files, by path. reads: variables that nothing in the repository
    sets by itself. listens: variables in the code that name a port. ignored: env files that git leaves out.
    published: origin has a main branch, so that what changes it has to be reviewed.
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
    """Something that a person has to do or to know; `next` is a command to type, or empty."""

    what: str
    next: str = ""
