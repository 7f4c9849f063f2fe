"""Files that the machine, or somebody, has broken: real ones on a disk of their own, and those of the simulator."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def disk() -> Iterator[Path]:
    """A small disk of its own, which `remount` can make read-only. Needs root."""
    with tempfile.TemporaryDirectory(prefix="l9-disk-") as made:
        subprocess.run(("mount", "-t", "tmpfs", "-o", "size=4m", "none", made), check=True)
        try:
            yield Path(made)
        finally:
            subprocess.run(("umount", "--lazy", made), check=True)


def remount(disk: Path, how: str) -> None:
    """`ro` or `rw`."""
    subprocess.run(("mount", "-o", f"remount,{how}", str(disk)), check=True)


@contextmanager
def immutable(path: Path) -> Iterator[None]:
    """Not even root can change it. Needs root, and a file system that knows of it."""
    subprocess.run(("chattr", "+i", str(path)), check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(("chattr", "-i", str(path)), check=True, capture_output=True)


@contextmanager
def as_nobody() -> Iterator[Path]:
    """This process has no rights but nobody's; yields a directory of nobody's. Needs root."""
    with tempfile.TemporaryDirectory(prefix="l9-nobody-") as made:
        os.chown(made, NOBODY, NOBODY)
        group, groups = os.getegid(), os.getgroups()
        os.setgroups([])
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
        try:
            yield Path(made)
        finally:
            os.seteuid(0)
            os.setegid(group)
            os.setgroups(groups)


@contextmanager
def as_root_again() -> Iterator[None]:
    """Root's rights for a moment, within `as_nobody`."""
    os.seteuid(0)
    try:
        yield
    finally:
        os.seteuid(NOBODY)


def files(directory: Path) -> dict[str, bytes | None]:
    """All that is below a directory, by its path in it; folders are None."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in sorted(directory.rglob("*"))
    }
