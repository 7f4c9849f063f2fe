"""The record of the deployed release, as files for people and other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from l9.config.layout import Layout
from l9.core.facts import DriftCheck
from l9.drivers.files.atomic import replace_file


class DeployedFiles:
    """Implements `Record`: `.deployed-tag` and `.deployed-metadata.json` (spec 5.1 step 11)."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def deployed_tag(self) -> str | None:
        try:
            return self._layout.deployed_tag.read_text(encoding="utf-8").strip() or None
        except OSError:
            return None

    def run(self) -> str | None:
        try:
            found = json.loads(self._layout.deployed_metadata.read_bytes())["run"]
        except (OSError, ValueError, TypeError, KeyError):
            return None  # none yet, or not l9's
        return found if isinstance(found, str) else None

    def write(self, metadata: Mapping[str, Any]) -> None:
        replace_file(self._layout.deployed_metadata, json.dumps(metadata, indent=2) + "\n", 0o644)
        replace_file(self._layout.deployed_tag, f"{metadata['deployed_tag']}\n", 0o644)

    def drift_checked(self) -> DriftCheck:
        try:
            return msgspec.json.decode(self._layout.drift_check.read_bytes(), type=DriftCheck)
        except (OSError, msgspec.MsgspecError):
            return DriftCheck()

    def note_drift_check(self, at: float, drift: int) -> None:
        replace_file(self._layout.drift_check, msgspec.json.encode(DriftCheck(at, drift)) + b"\n", 0o644)
