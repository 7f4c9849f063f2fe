"""The host's own files: the record of what is deployed."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from l9.config.layout import Layout
from l9.core.facts import DriftCheck


class DeployedFiles:
    """Implements `Record`: `.deployed-tag` and `.deployed-metadata.json` (spec 5.1 step 11)."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def deployed_tag(self) -> str | None:
        try:
            return self._layout.deployed_tag.read_text(encoding="utf-8").strip() or None
        except OSError:
            return None

    def write(self, metadata: Mapping[str, Any]) -> None:
        replace_file(self._layout.deployed_metadata, json.dumps(metadata, indent=2) + "\n", 0o644)
        replace_file(self._layout.deployed_tag, f"{metadata['deployed_tag']}\n", 0o644)

    def drift_checked(self) -> DriftCheck:
        try:
            return msgspec.json.decode(self._layout.drift_check.read_bytes(), type=DriftCheck)
        except (OSError, msgspec.MsgspecError):
            return DriftCheck()

    def note_drift_check(self, at: float, drift: int) -> None:
        """The timer's own note of when it looked (seconds since the epoch) and how many differences there were."""
        replace_file(
            self._layout.drift_check, msgspec.json.encode(DriftCheck(at, drift)).decode() + "\n", 0o644
        )


def is_private(path: Path) -> bool:
    """Whether a file is there that its owner alone may read."""
    try:
        seen = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(seen.st_mode) and not seen.st_mode & 0o077


def replace_file(path: Path, text: str, mode: int) -> None:
    """Write a file whole or not at all, with these permissions, and sync it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        os.fchmod(fd, mode)
        file.write(text)
        file.flush()
        os.fsync(fd)
    aside.rename(path)
