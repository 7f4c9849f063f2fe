"""A release's settings: read once from its tag, kept with it, and never read from the tree again."""

from __future__ import annotations

import msgspec

from l9.config.layout import Layout
from l9.config.settings import ServerSettings, release_settings
from l9.core.ports import Source
from l9.drivers.files.atomic import replace_file
from l9.errors import ActionError, ConfigError
from l9.host.kept_settings import SCHEMA, KeptSettings


class ReleaseSettingsStore:
    """Implements `SettingsStore` over the host's clone and the directories of its releases."""

    def __init__(self, layout: Layout, source: Source, server: ServerSettings) -> None:
        self._layout = layout
        self._source = source
        self._server = server

    def keep(self, tag: str, blob: str) -> str:
        """Read the tag's `l9.toml` and environment example, and keep both with the release. Returns the blob's name.

        Raises ActionError if the tag has no such file, a blob other than `blob`, or an invalid file.
        """
        kept = read_settings(self._source, self._server, tag, blob)
        path = self._layout.release_settings(tag)
        replace_file(path, msgspec.json.encode(kept).decode(), 0o600)
        return f"{self._server.config_file} of blob {kept.blob[:12]}"

    def of(self, tag: str) -> KeptSettings | None:
        """Return the settings kept of a release, or None."""
        try:
            data = self._layout.release_settings(tag).read_bytes()
            kept = msgspec.json.decode(data, type=KeptSettings)
        except (OSError, msgspec.MsgspecError):
            return None
        return kept if kept.schema == SCHEMA and kept.tag == tag else None


def read_settings(source: Source, server: ServerSettings, tag: str, blob: str) -> KeptSettings:
    """Read a tag's settings for this server's target. Raises ActionError."""
    from l9.checks.environment.schema import read_schema  # a rollback reads no file of a tag
    from l9.config.load import parse_for

    name = server.config_file
    found = source.file(tag, name)
    if found is None:
        raise ActionError(
            f"{tag} has no {name}",
            expected=f"{name} in the tag's tree",
            found="no such file",
            remedy="l9 init",
        )
    if blob and found.blob != blob:
        raise ActionError(
            f"{name} of {tag} differs from the one that was judged",
            expected=f"blob {blob[:12]}",
            found=f"blob {found.blob[:12]}",
            remedy="l9 provision",
        )
    try:
        config = parse_for(found.text, server.name)
    except ConfigError as error:
        raise ActionError(
            f"{error.message}, in {tag}", expected=error.expected, found=error.found, remedy=error.remedy
        ) from None
    example = source.file(tag, config.env.example)
    rules = read_schema(example.text if example else "").rules
    return KeptSettings(tag=tag, blob=found.blob, settings=release_settings(config), env_rules=rules)
