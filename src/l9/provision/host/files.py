"""Files of the host: what is there, and putting a new text in its place in one step."""

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

MOST = 1_000_000  # bytes; what is larger was not written by us


def entry(path: str) -> dict[str, Any] | None:
    """What is at a path: kind, mode, owner, group, a file's text, a link's target; None for nothing.

    Raises PermissionError where we may not look.
    """
    try:
        seen = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    found: dict[str, Any] = {
        "mode": stat.S_IMODE(seen.st_mode),
        "owner": owner(seen.st_uid),
        "group": group(seen.st_gid),
        "kind": "other",
    }
    if stat.S_ISDIR(seen.st_mode):
        found["kind"] = "directory"
    elif stat.S_ISLNK(seen.st_mode):
        found["kind"], found["to"] = "link", os.readlink(path)
    elif stat.S_ISREG(seen.st_mode):
        found["kind"] = "file"
    return found


def with_text(path: str, follow: bool = True) -> dict[str, Any] | None:
    """As `entry`, with a file's text; `follow`: of what the path leads to."""
    path = os.path.realpath(path) if follow else path
    found = entry(path)
    if found is not None and found["kind"] == "file":
        with open(path, "rb") as file:
            data = file.read(MOST + 1)
        found["text"] = data.decode("utf-8", "surrogateescape") if len(data) <= MOST else None
    return found


def digest(path: str) -> str | None:
    """SHA-256 of a file's bytes in hexadecimal, or None where there is no file."""
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None


def put(path: str, data: bytes, mode: int, user: str = "", group_name: str = "") -> None:
    """A file's new content in one rename, on the disk when this returns. Symbolic links are followed."""
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
    """Raises Refused when a file is not as it was shown; `before` is its SHA-256, None for no file."""
    if digest(path) != before:
        raise Refused(f"{path} was changed by somebody meanwhile", "another content than was shown")


def give(what: Any, user: str, group_name: str) -> None:
    """Set owner and group by name; an empty name leaves it. Only done where it changes something."""
    seen = os.stat(what)
    uid = pwd.getpwnam(user).pw_uid if user else seen.st_uid
    gid = grp.getgrnam(group_name).gr_gid if group_name else seen.st_gid
    if (uid, gid) != (seen.st_uid, seen.st_gid):
        os.chown(what, uid, gid)


def make_directory(path: str, mode: int, user: str = "", group_name: str = "") -> None:
    """A directory with exactly this mode; parents that are missing are made with 0755."""
    if not os.path.isdir(path):
        parent = os.path.dirname(path)
        if not os.path.isdir(parent):
            make_directory(parent, 0o755, user, group_name)
        os.mkdir(path)
    give(path, user, group_name)
    os.chmod(path, mode)


def sync(directory: str) -> None:
    """Put the names in a directory on the disk."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
