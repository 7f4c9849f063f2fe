"""The settings that a release brings, as they are kept with it, and the port to where they are kept."""

from __future__ import annotations

from typing import Protocol

import msgspec

from l9.checks.environment.schema import Rule
from l9.config.settings import ReleaseSettings

SCHEMA = "l9.release-settings/1"


class KeptSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A release's settings for one target, and the rules of its environment file.

    `blob` is the git blob of the `l9.toml` that they were read from.
    """

    tag: str
    blob: str
    settings: ReleaseSettings
    env_rules: tuple[Rule, ...] = ()
    schema: str = SCHEMA


class SettingsStore(Protocol):
    """The settings that releases bring, as a run reads and keeps them."""

    def keep(self, tag: str, blob: str) -> str:
        """Read the tag's settings and keep them with the release; one line that says from where."""
        ...

    def of(self, tag: str) -> KeptSettings | None:
        """The settings that were kept of a release, or None where none are."""
        ...
