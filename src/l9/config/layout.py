"""Where things lie on a host: the spec's directory (the live checkout), and l9's own state inside it."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Layout(msgspec.Struct, frozen=True):
    """All paths below one `root` (the spec's `/opt/l9`)."""

    root: Path

    @property
    def state(self) -> Path:
        """l9's own directory; ignored by the checkout through `.git/info/exclude`."""
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
        """When the host's timer last compared the host with its record, and how many differences it found."""
        return self.state / "drift-check.json"

    @property
    def env(self) -> Path:
        """What a run stages and keeps of the environment file; mode 0700."""
        return self.state / "env"

    @property
    def deployed_tag(self) -> Path:
        return self.root / ".deployed-tag"

    @property
    def deployed_metadata(self) -> Path:
        return self.root / ".deployed-metadata.json"

    def release(self, tag: str) -> Path:
        """What is kept of one release: its tree and its snapshots."""
        return self.state / "releases" / tag

    def tree(self, tag: str) -> Path:
        """The tree of a tag, as files."""
        return self.release(tag) / "tree"

    def env_snapshot(self, tag: str) -> Path:
        """The environment that the release was started with; mode 0600."""
        return self.release(tag) / "env"

    def release_settings(self, tag: str) -> Path:
        """The release's own part of the configuration, as its tag has it."""
        return self.release(tag) / "settings.json"

    def compose_snapshot(self, tag: str) -> Path:
        """The resolved compose document of the release; mode 0600, for it may hold secrets."""
        return self.release(tag) / "compose.json"

    def run(self, run: str) -> Path:
        """A run's live progress and the output of its long actions."""
        return self.state / "runs" / run
