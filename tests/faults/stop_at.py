"""Holds a run at an exact entry of its journal, from outside and without a change of its program.

The kernel asks us (fanotify) before it lets a process open a file of the state's directory. The worker opens the
journal for each entry; while it is not answered, it waits, and a SIGKILL still ends it.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from l9.core import events as ev

CLASS_CONTENT, CLOEXEC = 0x4, 0x1
MARK_ADD, OPEN_PERM, ON_CHILD, AT_FDCWD = 0x1, 0x10000, 0x08000000, -100
ALLOW = 1
EVENT = struct.Struct("=IBBHQii")
_decoder = msgspec.json.Decoder(ev.Entry)
_libc = ctypes.CDLL(None, use_errno=True)


class StopAt:
    """Holds the holder of the lock once `reached` says so of the entries since `start`; a context manager.

    state: the directory of journal and lock, as this process sees it.
    """

    def __init__(self, state: Path, reached: Callable[[list[ev.Entry]], bool]) -> None:
        self._state = state
        self._reached = reached
        self._held = threading.Event()
        self._let_go = threading.Event()
        self._end = threading.Event()
        self._error: BaseException | None = None

    def __enter__(self) -> StopAt:
        journal = self._state / "journal.jsonl"
        # After the last whole line: a fault of an earlier cell may have left a torn one, which is cut off first.
        self._offset = journal.read_bytes().rfind(b"\n") + 1 if journal.exists() else 0
        self._fan = _checked(_libc.fanotify_init(CLASS_CONTENT | CLOEXEC, os.O_RDONLY | os.O_CLOEXEC))
        mask, path = ctypes.c_uint64(OPEN_PERM | ON_CHILD), os.fsencode(self._state)
        try:
            _checked(_libc.fanotify_mark(self._fan, MARK_ADD, mask, AT_FDCWD, path))
        except OSError:
            os.close(self._fan)
            raise
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._let_go.set()
        self._end.set()
        self._thread.join()
        os.close(self._fan)  # lets everybody go who still waits
        if self._error is not None:
            raise self._error

    def wait(self, seconds: float, ended: Callable[[], bool]) -> bool:
        """Wait until the run is held: True; False if the time is over, or `ended` says that it will not be."""
        for _ in range(int(seconds / 0.05)):
            if self._held.wait(0.05):
                return True
            if ended() or self._error is not None:
                return self._held.is_set()
        return False

    def release(self) -> None:
        """Let the run go on."""
        self._let_go.set()

    def _serve(self) -> None:
        waiting: list[int] = []
        try:
            while not self._end.is_set():
                if waiting and self._let_go.is_set():
                    self._answer(waiting.pop())
                if not select.select([self._fan], [], [], 0.02)[0]:
                    continue
                data = os.read(self._fan, 4096)
                for at in range(0, len(data), EVENT.size):
                    *_, fd, pid = EVENT.unpack_from(data, at)
                    if self._is_the_moment(fd, pid):
                        waiting.append(fd)
                        self._held.set()
                    else:
                        self._answer(fd)
        except BaseException as error:  # shown by the test's own thread
            self._error = error
        finally:
            for fd in waiting:
                self._answer(fd)

    def _answer(self, fd: int) -> None:
        with suppress(OSError):  # the process has died meanwhile
            os.write(self._fan, struct.pack("=iI", fd, ALLOW))
        os.close(fd)

    def _is_the_moment(self, fd: int, pid: int) -> bool:
        if self._held.is_set() or pid == os.getpid():
            return False
        # The path is not opened here: that would ask us, who would not answer.
        if not os.readlink(f"/proc/self/fd/{fd}").endswith("/journal.jsonl") or not _holds_lock(pid):
            return False
        size = os.fstat(fd).st_size
        lines = os.pread(fd, max(0, size - self._offset), self._offset).splitlines()
        entries = list(_entries(lines))
        runs = [entry for entry in entries if entry.run and entry.run == entries[-1].run]
        return bool(runs) and self._reached(runs)


def _entries(lines: Iterable[bytes]) -> Iterator[ev.Entry]:
    """Yield the entries; what a fault has torn is none."""
    for line in lines:
        with suppress(msgspec.DecodeError):
            yield _decoder.decode(line)


def _holds_lock(pid: int) -> bool:
    with suppress(OSError):
        links = (os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd"))
        return any(link.endswith("/.l9/lock") for link in links)
    return False


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
