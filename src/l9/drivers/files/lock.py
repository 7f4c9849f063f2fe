"""The host's lock: a kernel lock that is released when its holder dies, and a note of the holder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

import msgspec

from l9.errors import Locked


class Holder(msgspec.Struct, frozen=True):
    """The lock's holder, its purpose, and the time it was taken (seconds since the epoch)."""

    who: str
    what: str
    since: float
    pid: int


def waiting_for(held: Holder, wait: float) -> str:
    """Return the message for a caller that waits (seconds) for the lock."""
    return f"waiting up to {wait:g} s for {held.what} by {held.who}"


class LockFile:
    """`flock` on a file. The file stays; only the kernel's lock counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def take(self, who: str, what: str, wait: float = 0.0) -> None:
        """Take the lock, waiting up to `wait` seconds. Raises Locked naming the holder."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # At least 0.1 s: a caller of `holder` takes the lock for an instant.
        until = time.monotonic() + max(wait, 0.1)
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= until:
                    os.close(fd)
                    raise self._locked() from None
                time.sleep(0.02)
        note = msgspec.json.encode(Holder(who, what, time.time(), os.getpid()))
        with contextlib.suppress(OSError):  # the kernel's lock counts; a full disk must not stop a rollback
            os.ftruncate(fd, 0)
            os.pwrite(fd, note, 0)
        self._fd = fd

    def free(self) -> None:
        """Release the lock, if it is held."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
            fcntl.flock(self._fd, fcntl.LOCK_UN)  # a child before its exec still has the descriptor
            os.close(self._fd)
            self._fd = None

    def holder(self) -> Holder | None:
        """Return the current holder, or None."""
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)  # also on a read-only disk
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return self._note()
        finally:
            os.close(fd)
        return None

    def _note(self) -> Holder:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Holder)
        except (OSError, msgspec.MsgspecError):
            return Holder("someone else", "an unknown command", 0.0, 0)

    def _locked(self) -> Locked:
        held = self._note()
        since = f" for {time.time() - held.since:.0f} s" if held.since else ""
        return Locked(
            f"another run holds the lock: {held.what}",
            expected="no other run on this host",
            found=f"{held.what} by {held.who}{since} (pid {held.pid})",
            remedy="l9 status",
        )
