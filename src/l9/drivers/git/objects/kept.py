"""What was found out about blobs, kept by their id: a blob never changes, so that a file is read once.

The operator's side only: on a host, the objects themselves are read each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from l9.drivers.files.atomic import replace_file

MOST = 300_000  # blobs of one question: 20 MB
MANY = 500  # blobs: above that, git looks at the whole tree in one go


class KeptAnswers:
    """Numbers by blob id below `folder`, one file a question. An unreadable file counts as missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, question: str) -> dict[str, int]:
        """Return all answers that are kept to a question."""
        try:
            return msgspec.json.decode(self._path(question).read_bytes(), type=dict[str, int])
        except (OSError, msgspec.MsgspecError):
            return {}

    def keep(self, question: str, known: Mapping[str, int], now: Collection[str]) -> None:
        """Keep these answers; if they are too many, only those of the blobs in `now`. A full disk keeps nothing."""
        kept = known if len(known) <= MOST else {one: known[one] for one in now if one in known}
        with suppress(OSError):
            path = self._path(question)
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, msgspec.json.encode(kept), 0o600)

    def _path(self, question: str) -> Path:
        return self._folder / f"{hashlib.sha256(question.encode()).hexdigest()[:16]}.json"
