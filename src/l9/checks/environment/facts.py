"""Observations of environment files."""

from __future__ import annotations

import msgspec

from l9.checks.environment.reads import EnvRead
from l9.checks.environment.schema import Problem, TypeMismatch
from l9.checks.secrets.facts import Suspect


class EnvExample(msgspec.Struct, frozen=True):
    """The example file of the tag's tree.

    `lacking` are variables that the tree reads and the file does not document. `unread` are files that could not be
    parsed.
    """

    path: str
    exists: bool
    keys: int = 0
    problems: tuple[Problem, ...] = ()
    lacking: tuple[EnvRead, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    unread: tuple[str, ...] = ()


class EnvSource(msgspec.Struct, frozen=True):
    """The target's env source in the tag's tree; `path` is empty if the target has none."""

    path: str = ""
    exists: bool = False
    references: int = 0
    literals: int = 0
    problems: tuple[Problem, ...] = ()
    suspects: tuple[Suspect, ...] = ()


class Environment(msgspec.Struct, frozen=True):
    """The host's `.env` compared with the release's `.env.example`: names and types only, never values.

    `resolved`: it is the environment that the deploy resolved and will write, not the current file.
    """

    path: str
    exists: bool
    missing: tuple[str, ...] = ()
    mode: int = 0o600
    wrong: tuple[TypeMismatch, ...] = ()
    resolved: bool = False
