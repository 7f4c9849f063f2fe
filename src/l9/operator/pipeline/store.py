"""Stores reports and evidence by content key, and APIs by tree, in a working copy's own directory."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from l9.checks.pipeline.stages import CgmpReport
from l9.drivers.files.atomic import replace_file

T = TypeVar("T")
KEPT = 50  # newest runs


class CgmpStore:
    """Reads and writes below `folder`. An unreadable file counts as missing."""

    def __init__(self, folder: Path) -> None:
        self._runs = folder / "runs"
        self._apis = folder / "apis"

    def report(self, key: str) -> CgmpReport | None:
        """Return the report on the content with that key, or None."""
        return _read(self._runs / key / "report.json", CgmpReport)

    def keep(self, report: CgmpReport) -> CgmpReport:
        """Write the report with the digests of its evidence files; return it as written."""
        folder = self.evidence(report.key)
        files = sorted(p for p in folder.iterdir() if p.is_file() and p.name != "report.json")
        digests = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
        full = msgspec.structs.replace(report, evidence=digests)
        replace_file(folder / "report.json", msgspec.json.encode(full), 0o600)
        return full

    def evidence(self, key: str) -> Path:
        """Return the folder of that content's evidence; create it if missing."""
        folder = self._runs / key
        if not folder.is_dir():
            folder.mkdir(parents=True, mode=0o700)
            self._prune(folder)
        return folder

    def keys(self) -> set[str]:
        """Return the keys of all stored content."""
        return {path.name for path in self._runs.iterdir()} if self._runs.is_dir() else set()

    def forget(self, key: str) -> None:
        """Delete the report and evidence of that content."""
        shutil.rmtree(self._runs / key, ignore_errors=True)

    def api(self, name: str) -> tuple[Any] | None:
        """Return the stored API document in a tuple (None in it: the release has none); None if never fetched."""
        return _read(self._apis / f"{name}.json", tuple[Any])

    def keep_api(self, name: str, document: Any) -> None:
        replace_file(self._apis / f"{name}.json", msgspec.json.encode([document]), 0o600)

    def _prune(self, newest: Path) -> None:
        def age(path: Path) -> float:
            with contextlib.suppress(OSError):
                return path.stat().st_mtime
            return 0.0

        for old in sorted(self._runs.iterdir(), key=age, reverse=True)[KEPT:]:
            if old != newest:
                shutil.rmtree(old, ignore_errors=True)


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None
