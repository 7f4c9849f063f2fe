"""Atomic file writes: write a temporary file, fsync, rename, and fsync the directory."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec


class Draft(msgspec.Struct, frozen=True):
    """A file's next content, complete and synced on the same file system, ready to be renamed."""

    path: Path
    aside: Path

    @classmethod
    def write(
        cls,
        path: Path,
        content: str | bytes,
        mode: int,
        *,
        aside: Path | None = None,
        owner: tuple[int, int] | None = None,
    ) -> Draft:
        """Write it with these permissions from the first byte on; `owner` is the file's user and group.

        aside: the temporary path, if not beside the file.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = cls(path, aside or path.with_name(f".{path.name}.{os.getpid()}"))
        draft.discard()  # left by a crash
        fd = os.open(draft.aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                now = os.fstat(fd)
                if owner not in (None, (now.st_uid, now.st_gid)):
                    os.fchown(fd, *owner)
                os.fchmod(fd, mode)
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(fd)
        except BaseException:
            draft.discard()
            raise
        return draft

    def keep(self) -> None:
        """Rename it to the file. Raises OSError and removes the draft if that fails."""
        try:
            self.aside.rename(self.path)
        except OSError:
            self.discard()
            raise
        sync_directory(self.path.parent)

    def discard(self) -> None:
        """Remove the draft."""
        with suppress(FileNotFoundError):
            self.aside.unlink()


def replace_file(
    path: Path,
    content: str | bytes,
    mode: int,
    *,
    aside: Path | None = None,
    owner: tuple[int, int] | None = None,
) -> None:
    """Write a file atomically and durably, also across a loss of power."""
    Draft.write(path, content, mode, aside=aside, owner=owner).keep()


def sync_directory(path: Path) -> None:
    """Sync a directory's entries to disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
