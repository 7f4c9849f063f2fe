"""Paths on a host: the spec's directory (the live checkout), and l9's state inside it."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Layout(msgspec.Struct, frozen=True):
    """All paths below one `root` (the spec's `/opt/l9`)."""

    root: Path

    @property
    def state(self) -> Path:
        """l9's state directory; `.git/info/exclude` makes the checkout ignore it."""
        return self.root / ".l9"

    @property
    def journal(self) -> Path:
        return self.state / "journal.jsonl"

    @property
    def lock(self) -> Path:
        return self.state / "lock"

    @property
    def route(self) -> Path:
        """The directory of the flag file, readable by Caddy."""
        return self.state / "route"

    @property
    def drift_check(self) -> Path:
        """The time and result of the timer's last drift check."""
        return self.state / "drift-check.json"

    @property
    def env(self) -> Path:
        """The directory for staged and kept environment files; mode 0700."""
        return self.state / "env"

    @property
    def deployed_tag(self) -> Path:
        return self.root / ".deployed-tag"

    @property
    def deployed_metadata(self) -> Path:
        return self.root / ".deployed-metadata.json"

    def release(self, tag: str) -> Path:
        """Return the directory of one release: its tree and its snapshots."""
        return self.state / "releases" / tag

    def tree(self, tag: str) -> Path:
        """Return the directory of a tag's tree."""
        return self.release(tag) / "tree"

    def env_snapshot(self, tag: str) -> Path:
        """Return the file with the environment that the release was started with; mode 0600."""
        return self.release(tag) / "env"

    def release_settings(self, tag: str) -> Path:
        """Return the file with the release's part of the configuration, from its tag."""
        return self.release(tag) / "settings.json"

    def compose_snapshot(self, tag: str) -> Path:
        """Return the file with the release's resolved compose document; mode 0600, since it may contain secrets."""
        return self.release(tag) / "compose.json"

    def run(self, run: str) -> Path:
        """Return the file with a run's progress and the output of its long actions."""
        return self.state / "runs" / run
