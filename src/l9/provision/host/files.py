"""Reads the host's files and their metadata, and replaces files atomically."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import stat
import tempfile
from typing import Any

from l9.provision.host.system import group, owner
from l9.provision.host.talk import Refused

MOST = 1_000_000  # bytes; l9 writes no larger files


def entry(path: str) -> dict[str, Any] | None:
    """Return the entry at a path: kind, mode, owner, group, and a link's target; None if there is none.

    Raises PermissionError.
    """
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    found: dict[str, Any] = {
        "mode": stat.S_IMODE(status.st_mode),
        "owner": owner(status.st_uid),
        "group": group(status.st_gid),
        "kind": "other",
    }
    if stat.S_ISDIR(status.st_mode):
        found["kind"] = "directory"
    elif stat.S_ISLNK(status.st_mode):
        found["kind"], found["to"] = "link", os.readlink(path)
    elif stat.S_ISREG(status.st_mode):
        found["kind"] = "file"
    return found


def with_text(path: str, follow: bool = True) -> dict[str, Any] | None:
    """Return `entry` with a file's text; `follow` resolves symbolic links."""
    path = os.path.realpath(path) if follow else path
    found = entry(path)
    if found is not None and found["kind"] == "file":
        with open(path, "rb") as file:
            data = file.read(MOST + 1)
        found["text"] = data.decode("utf-8", "surrogateescape") if len(data) <= MOST else None
    return found


def digest(path: str) -> str | None:
    """Return the SHA-256 of a file's bytes in hexadecimal; None if there is no file."""
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None


def put(path: str, data: bytes, mode: int, user: str = "", group_name: str = "") -> None:
    """Replace a file's content in one rename and fsync it. Symbolic links are followed."""
    path = os.path.realpath(path)
    fd, aside = tempfile.mkstemp(prefix=".l9-", dir=os.path.dirname(path))
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            give(file.fileno(), user, group_name)
            os.fsync(file.fileno())
        os.rename(aside, path)
    except BaseException:
        os.unlink(aside)
        raise
    sync(os.path.dirname(path))


def refuse_changed(path: str, before: str | None) -> None:
    """Raise Refused if a file changed since the plan; `before` is its SHA-256, None for no file."""
    if digest(path) != before:
        raise Refused(f"{path} changed since the plan was shown", "other content than in the plan")


def give(what: Any, user: str, group_name: str) -> None:
    """Set owner and group by name, if they differ; an empty name means no change."""
    status = os.stat(what)
    uid = pwd.getpwnam(user).pw_uid if user else status.st_uid
    gid = grp.getgrnam(group_name).gr_gid if group_name else status.st_gid
    if (uid, gid) != (status.st_uid, status.st_gid):
        os.chown(what, uid, gid)


def make_directory(path: str, mode: int, user: str = "", group_name: str = "") -> None:
    """Create a directory with exactly this mode, and missing parents with mode 0755."""
    if not os.path.isdir(path):
        parent = os.path.dirname(path)
        if not os.path.isdir(parent):
            make_directory(parent, 0o755, user, group_name)
        os.mkdir(path)
    give(path, user, group_name)
    os.chmod(path, mode)


def sync(directory: str) -> None:
    """Fsync a directory."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
