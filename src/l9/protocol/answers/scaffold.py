"""`l9 init` and `l9 config show`."""

from __future__ import annotations

import msgspec

from l9.config.model import Config
from l9.protocol.answers.answer import Answer


class ProposedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of `l9 init`; one that is already `there` is not changed."""

    path: str
    text: str
    mode: str
    there: bool


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A task or a note for a person; `next` is a command, or empty."""

    what: str
    next: str


class Init(Answer, frozen=True, kw_only=True, tag="l9.init/1"):
    """`l9 init`: the settings' path and text, all files, and the tasks for a person.

    Exit code 3 if nothing was `written`. `next`: the commands to type next.
    """

    file: str
    text: str
    missing: tuple[str, ...]
    written: bool
    files: tuple[ProposedFile, ...]
    notes: tuple[Left, ...]
    next: tuple[str, ...]


class ShownConfig(Answer, Config, frozen=True, kw_only=True, tag="l9.config/1"):
    """`l9 config show`: one target's configuration with every default filled in."""
