"""The undo of changes: each step notes how its effect is taken back, before it makes it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from l9.provision.host import files, system
from l9.provision.host.talk import Refused

TakeBack = Callable[[], object]


class Undo:
    """What takes back the changes made so far, newest first."""

    def __init__(self) -> None:
        self._back: list[TakeBack] = []
        self._last: list[TakeBack] = []

    def __call__(self, take_back: TakeBack) -> None:
        """Note how the next effect is taken back."""
        self._back.append(take_back)

    def at_the_end(self, take_back: TakeBack) -> None:
        """Note what to do once all else was taken back."""
        self._last.append(take_back)

    def file(self, path: str) -> None:
        """Note a file as it is now, or that there is none."""
        try:
            with open(path, "rb") as file:
                data, status = file.read(), os.fstat(file.fileno())
        except FileNotFoundError:
            self(lambda: _without(path, os.unlink))
            return
        owner, group = system.owner(status.st_uid), system.group(status.st_gid)
        self(lambda: files.put(path, data, status.st_mode & 0o7777, owner, group))

    def access(self, path: str, remove: Callable[[str], None]) -> None:
        """Note a path's mode and owner; `remove` takes it away if it is not there yet."""
        try:
            status = os.stat(path)
        except FileNotFoundError:
            self(lambda: _without(path, remove))
            return

        def back() -> None:
            os.chown(path, status.st_uid, status.st_gid)
            os.chmod(path, status.st_mode & 0o7777)

        self(back)

    def all(self) -> list[str]:
        """Take everything back; return what failed, and go on after it."""
        failed = []
        for take_back in (*reversed(self._back), *self._last):
            try:
                take_back()
            except Refused as error:
                failed.append(f"undo: {error.message}: {error.found}")
            except OSError as error:
                failed.append(f"undo: {error}")
        self._back, self._last = [], []
        return failed


def _without(path: str, remove: Callable[[str], None]) -> None:
    with contextlib.suppress(FileNotFoundError):
        remove(path)
