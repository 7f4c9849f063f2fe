"""The settings that are kept with a release, and the port to their store."""

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
    """The settings of releases, as a run reads and keeps them."""

    def keep(self, tag: str, blob: str) -> str:
        """Read the tag's settings and keep them with the release; return one line that names their source."""
        ...

    def of(self, tag: str) -> KeptSettings | None:
        """Return the settings kept of a release, or None."""
        ...
