"""A file's change as a person reads it, and as a person makes it."""

from __future__ import annotations

import difflib
import shlex


def unified(path: str, old: str | None, new: str) -> tuple[str, ...]:
    """A unified diff's lines without line ends; none where nothing changes."""
    if old == new:
        return ()
    name = "/dev/null" if old is None else path
    lines = difflib.unified_diff((old or "").splitlines(), new.splitlines(), name, path, lineterm="")
    return tuple(line.encode("utf-8", "replace").decode() for line in lines)


def by_hand(path: str, text: str) -> str:
    """A shell command that writes a file as root."""
    end = "L9"
    while end in text.splitlines():
        end += "_"
    return f"sudo tee {shlex.quote(path)} >/dev/null <<'{end}'\n{text.removesuffix(chr(10))}\n{end}"
