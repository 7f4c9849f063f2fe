"""Standard streams that the caller closed, or that are pipes without a reader."""

from __future__ import annotations

import io
import os
import sys
from typing import Literal, TextIO


def open_closed() -> None:
    """Open each closed standard stream (`>&-`) as the null device.

    Python has no object for a closed stream; and the next file that is opened would get its number, so that a
    child process would write to that file.
    """
    for number, mode, name in ((0, "r", "stdin"), (1, "w", "stdout"), (2, "w", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one
            os.set_inheritable(opened, True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def outlive_readers() -> None:
    """Let a command finish with its own exit code if its output is no longer read (`l9 check | head -1`)."""
    sys.stdout = _outliving(sys.stdout, 1)
    sys.stderr = _outliving(sys.stderr, 2)


def _outliving(stream: TextIO, number: Literal[1, 2]) -> io.TextIOWrapper:
    raw = _Unbroken(number, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        line_buffering=number == 2 or raw.isatty(),
    )


class _Unbroken(io.FileIO):
    """A stream that becomes the null device when its reader closes the pipe."""

    def write(self, data: object, /) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            return super().write(data)  # type: ignore[arg-type]
