"""The server's own settings, as provisioning wrote them: read here, and nowhere else."""

from __future__ import annotations

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

_BEFORE = "config.json"  # what an l9 from before the first release wrote
LONGEST = 1_000_000  # bytes


class Server(msgspec.Struct, frozen=True):
    """One provisioned target on this host."""

    settings: ServerSettings
    files: Provisioned

    @property
    def layout(self) -> Layout:
        """The target's directory."""
        return Layout(Path(self.settings.path))


def of_instance(instance: str) -> Server:
    """The settings of an instance that root provisioned. Raises ConfigError."""
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
    """The settings of a target that was provisioned without root, in its own directory. Raises ConfigError.

    A directory that root provisioned, or that lies in another target's, is refused: its settings are not these.
    """
    files = provisioned.in_directory(root)
    settings = _read(files)
    if Path(settings.path).resolve() != root.resolve():
        raise _unusable(files.settings, f"settings of {root}", f"those of {settings.path}")
    for other in by_root():
        if Path(other.settings.path).resolve() == root.resolve():
            raise UsageError(
                f"{root} was provisioned by root",
                expected=f"its settings in {other.files.settings}",
                found=f"others in {files.settings}",
                remedy=f"rm {files.settings}",
            )
    outer = next((p for p in root.resolve().parents if provisioned.in_directory(p).settings.exists()), None)
    if outer is not None:
        raise UsageError(
            f"{root} lies in another target's directory",
            expected="a directory of its own",
            found=f"{outer}, which `l9 provision` prepared",
            remedy="$EDITOR l9.toml",
        )
    return Server(settings, files)


def by_root() -> Iterator[Server]:
    """Every instance on this host that root provisioned and whose settings can be read."""
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
        with path.open("rb") as file:
            if files.by_root:
                _refuse_strangers(path, os.fstat(file.fileno()))
            data = file.read(LONGEST)
        return msgspec.json.decode(data, type=ServerSettings)
    except FileNotFoundError:
        older = path.with_name(_BEFORE)
        found = f"only {older}, which an older l9 wrote" if older.exists() else "no such file"
        raise _unusable(path, f"settings in {path}", found) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise _unusable(path, f"settings of {SCHEMA} in {path}", str(error)) from None


def _refuse_strangers(path: Path, seen: os.stat_result) -> None:
    if seen.st_uid != 0 or seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        found = f"owner {seen.st_uid}, mode {stat.S_IMODE(seen.st_mode):04o}"
        raise _unusable(path, f"{path} written by root alone", found)


def _unusable(path: Path, expected: str, found: str) -> ConfigError:
    return ConfigError(
        f"the settings in {path} cannot be used", expected=expected, found=found, remedy="l9 provision"
    )
