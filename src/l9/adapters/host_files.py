"""The host's own files: the record of what is deployed, and the environment file."""

from __future__ import annotations

import json
import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from l9.core.env import EnvFile, fingerprint, parse_env
from l9.core.env_schema import EnvReport, Rule, compare, judge_keys
from l9.core.facts import DriftCheck, Environment
from l9.errors import ActionError
from l9.layout import Layout


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


class EnvOnHost:
    """Implements `Env`: the file that releases are started with. Its values are shown to nobody."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self, rules: tuple[Rule, ...], run: str = "") -> Environment:
        path, seen = str(self._path), compare(rules, self._read())
        try:
            mode = stat.S_IMODE(self._path.stat().st_mode)
        except OSError:
            return Environment(path, exists=False, missing=seen.missing)
        return Environment(path, True, seen.missing, mode, seen.wrong)

    def report(self, rules: tuple[Rule, ...]) -> EnvReport:
        file = self._read()
        try:
            mode = f"{stat.S_IMODE(self._path.stat().st_mode):04o}"
        except OSError:
            mode = ""
        keys = judge_keys(rules, file)
        return EnvReport(str(self._path), bool(mode), mode, keys, file.duplicates, file.bad_lines)

    def fingerprints(self, key: bytes) -> dict[str, str]:
        return fingerprint(self._read(), key)

    def secret(self, key: str) -> str | None:
        """The value of one key, for a request of l9's own; it must go nowhere else."""
        found = [e.value for e in self._read().entries if e.key == key]
        return found[-1].reveal() if found else None

    def values(self) -> dict[str, str]:
        """All keys and values, to start a process with."""
        return {e.key: e.value.reveal() for e in self._read().entries}

    def _read(self) -> EnvFile:
        try:
            return parse_env(self._path.read_text(encoding="utf-8"))
        except OSError:
            return EnvFile(())
        except UnicodeDecodeError as error:
            raise ActionError(
                f"{self._path} cannot be read",
                expected="UTF-8 text",
                found=f"byte {error.start} is none",
                remedy=f"$EDITOR {shlex.quote(str(self._path))}",
            ) from None


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
