"""A place that lasts: the cases of one module go on from where the last one left it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from e2e.place import Place


class Kept:
    """The place of one module's cases, made when it is first asked for; `make` gets a folder for it."""

    def __init__(self, make: Callable[[Path], Place]) -> None:
        self._make = make
        self._root: Path | None = None
        self._place: Place | None = None

    def place(self) -> Place:
        """The one that stands; a new one, with nothing deployed, where none does."""
        if self._place is None:
            self._root = new_root()
            self._place = self._make(self._root)
            self._place.start()
        return self._place

    def drop(self) -> None:
        """Take down what stands."""
        place, root, self._place, self._root = self._place, self._root, None, None
        try:
            if place is not None:
                place.stop()
        finally:
            if root is not None:
                shutil.rmtree(root, ignore_errors=True)

    def abandon(self) -> None:
        """Take down what a case left that failed: its run may be on still."""
        if self._place is not None:
            with suppress(AssertionError, OSError, subprocess.SubprocessError):  # nobody holds the lock
                self._place.kill_worker()
        self.drop()


@contextmanager
def keeping(make: Callable[[Path], Place]) -> Iterator[Kept]:
    """A Kept that is taken down at the end."""
    kept = Kept(make)
    try:
        yield kept
    finally:
        kept.drop()


def new_root() -> Path:
    """A folder for one place; not below pytest's own, for PostgreSQL's user must be able to walk there."""
    folder = Path(tempfile.mkdtemp(prefix="l9-e2e-", dir="/var/tmp"))
    folder.chmod(0o755)
    return folder
