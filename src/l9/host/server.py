"""The server's own settings, as provisioning wrote them; only this module reads them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from l9.config import provisioned
from l9.config.layout import Layout
from l9.config.provisioned import Provisioned
from l9.config.settings import SCHEMA, ServerSettings
from l9.errors import ConfigError, UsageError

_BEFORE = "config.json"  # written by l9 before its first release
LONGEST = 1_000_000  # bytes
ROOT = 0  # the uid of root


class Server(msgspec.Struct, frozen=True):
    """One provisioned target on this host."""

    settings: ServerSettings
    files: Provisioned

    @property
    def layout(self) -> Layout:
        """The target's directory."""
        return Layout(Path(self.settings.path))


def of_instance(instance: str) -> Server:
    """Return the settings of an instance that root provisioned. Raises ConfigError."""
    if not instance or "/" in instance or instance in (".", ".."):
        raise UsageError(
            "no such instance", expected="an instance's name", found=repr(instance), remedy="l9 provision"
        )
    files = provisioned.for_instance(instance)
    settings = _read(files)
    if settings.instance != instance:
        raise _unusable(files.settings, f"settings of {instance}", f"those of {settings.instance}")
    return Server(settings, files)


def of_directory(root: Path) -> Server:
    """Return the settings of a target that was provisioned without root, in its own directory. Raises ConfigError.

    Refuses a directory that root provisioned, or that is inside another target's.
    """
    files = provisioned.in_directory(root)
    settings = _read(files)
    if Path(settings.path).resolve() != root.resolve():
        raise _unusable(files.settings, f"settings of {root}", f"those of {settings.path}")
    of_root = {Path(one.settings.path).resolve(): one.files.settings for one in by_root()}
    same_name = provisioned.for_instance(settings.instance).settings
    theirs = of_root.get(root.resolve()) or (same_name if os.path.lexists(same_name) else None)
    if theirs is not None:
        raise UsageError(
            f"{root} was provisioned by root",
            expected=f"its settings in {theirs}",
            found=f"others in {files.settings}",
            remedy="l9 provision",
        )
    above = root.resolve().parents
    outer = next((p for p in above if p in of_root or provisioned.in_directory(p).settings.exists()), None)
    if outer is not None:
        raise UsageError(
            f"{root} is inside another target's directory",
            expected="a directory of its own",
            found=f"{outer}, which `l9 provision` prepared",
            remedy="$EDITOR l9.toml",
        )
    return Server(settings, files)


def by_root() -> Iterator[Server]:
    """Yield every instance on this host that root provisioned and whose settings can be read."""
    if not provisioned.ETC.is_dir():
        return
    for directory in sorted(provisioned.ETC.iterdir()):
        try:
            yield of_instance(directory.name)
        except (ConfigError, UsageError):
            continue


def _read(files: Provisioned) -> ServerSettings:
    path = files.settings
    try:
        if files.by_root:
            for guarded in (*files.guarded[:2], files.allowed_signers):
                _refuse_strangers(guarded)
        # Do not follow a link, and do not block on a pipe.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            if files.by_root:
                _refuse_strangers(path, os.fstat(fd))
            data = file.read(LONGEST)
        return msgspec.json.decode(data, type=ServerSettings)
    except FileNotFoundError:
        older = path.with_name(_BEFORE)
        found = f"only {older}, which an older l9 wrote" if older.exists() else "no such file"
        raise _unusable(path, f"settings in {path}", found) from None
    except (OSError, msgspec.MsgspecError) as error:
        link = isinstance(error, OSError) and error.errno == errno.ELOOP
        found = "a symbolic link" if link else str(error)
        raise _unusable(path, f"settings of {SCHEMA} in {path}", found) from None


def _refuse_strangers(path: Path, seen: os.stat_result | None = None) -> None:
    """Raise ConfigError if another user than root may write the path, if it exists."""
    try:
        seen = seen or path.lstat()
    except FileNotFoundError:
        return
    if seen.st_uid != ROOT or stat.S_ISLNK(seen.st_mode) or seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        kind = "a link, " if stat.S_ISLNK(seen.st_mode) else ""
        found = f"{kind}owner {seen.st_uid}, mode {stat.S_IMODE(seen.st_mode):04o}"
        raise _unusable(path, f"{path} written by root alone", found)


def _unusable(path: Path, expected: str, found: str) -> ConfigError:
    return ConfigError(
        f"the settings in {path} are not usable", expected=expected, found=found, remedy="l9 provision"
    )
