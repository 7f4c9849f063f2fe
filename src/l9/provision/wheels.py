"""Gets the agent's dependencies for the host's Python: from the cache, from this installation, or with pip."""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
import tempfile
from importlib import metadata
from pathlib import Path

from l9.drivers.files.atomic import replace_file
from l9.drivers.process.programs import run
from l9.errors import ActionError
from l9.provision.bundle import NEEDS, own_wheel, pack
from l9.provision.snapshot import Python

_SECONDS = 120
_OLDEST_GLIBC = 17


def cache() -> Path:
    """Return the directory of fetched wheels, below `XDG_CACHE_HOME` if set."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "l9" / "wheels"


def agent_wheels(python: Python, directory: Path | None = None) -> dict[str, bytes]:
    """Return the agent's wheels: file name to content.

    Raises ActionError if there is no wheel of a dependency for the host's Python.
    """
    name, data = own_wheel()
    found = {name: data}
    for need in NEEDS:
        wheel = dependency(need, metadata.version(need), python, directory or cache())
        found[wheel.name] = wheel.read_bytes()
    return found


def dependency(name: str, version: str, python: Python, directory: Path) -> Path:
    """Return a wheel of exactly this version that runs on the host, and keep it in the cache `directory`."""
    place = directory / f"{python.tag}-{platforms(python)[0]}"
    place.mkdir(parents=True, exist_ok=True)
    wanted = f"{name.replace('-', '_')}-{version}-*.whl"
    if found := sorted(place.glob(wanted)):
        return found[0]
    if (packed := installed(name, python)) is not None:
        return _keep(place / packed[0], packed[1])
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        lines = _fetch(f"{name}=={version}", python, Path(scratch))
        if found := sorted(Path(scratch).glob(wanted)):
            return _keep(place / found[0].name, found[0].read_bytes())
    raise ActionError(
        f"no wheel of {name} {version} for the host's Python",
        expected=f"a wheel for {python.tag} on {python.machine}",
        found=lines[-1] if lines else "none",
        remedy=f"{pip_argv(f'{name}=={version}', python, place)[0]}",
        log=lines,
    )


def platforms(python: Python) -> tuple[str, ...]:
    """Return the platform tags that run on the host, most specific first."""
    kind, version = python.libc
    numbers = re.findall(r"\d+", version)
    if kind != "glibc" or len(numbers) < 2 or int(numbers[1]) < _OLDEST_GLIBC:
        return (f"{python.system}_{python.machine}",)
    newest = int(numbers[1])
    tags = [f"manylinux_2_{minor}_{python.machine}" for minor in range(newest, _OLDEST_GLIBC - 1, -1)]
    return (*tags, f"manylinux2014_{python.machine}")


def pip_argv(requirement: str, python: Python, into: Path) -> tuple[str, tuple[str, ...]]:
    """Return pip's arguments to fetch one wheel for another machine, as text for a person and as a vector."""
    argv = (
        "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary", ":all:",
        "--implementation", "cp", "--python-version", ".".join(map(str, python.version[:2])),
        "--abi", python.tag,
        *(option for tag in platforms(python) for option in ("--platform", tag)),
        "--dest", str(into), requirement,
    )  # fmt: skip
    short = f"python -m pip download --no-deps --only-binary :all: --python-version {argv[10]}"
    return f"{short} --platform {platforms(python)[-1]} --dest {into} {requirement}", argv


def installed(name: str, python: Python) -> tuple[str, bytes] | None:
    """Repack the package installed here as a wheel, if it runs on the host unchanged; else None."""
    here = (f"cp{sys.version_info[0]}{sys.version_info[1]}", sysconfig.get_platform().replace("-", "_"))
    if here != (python.tag, f"{python.system}_{python.machine}"):
        return None
    package = metadata.distribution(name)
    tags = re.findall(r"^Tag: \S+-\S+-(\S+)$", package.read_text("WHEEL") or "", re.MULTILINE)
    if not (fits := [tag for tag in tags if tag in platforms(python) or tag == "any"]):
        return None
    files = {}
    for path in package.files or ():
        inside = path.as_posix()
        if inside.startswith("../") or "__pycache__" in inside or path.name in _ADDED:
            continue
        files[inside] = Path(str(path.locate())).read_bytes()
    record = next(n for n in files if n.endswith(".dist-info/METADATA")).replace("METADATA", "RECORD")
    tag = re.search(r"^Tag: (\S+-\S+)-", package.read_text("WHEEL") or "", re.MULTILINE)
    assert tag is not None  # noqa: S101  # there is one in `fits`
    return f"{name.replace('-', '_')}-{package.version}-{tag[1]}-{fits[0]}.whl", pack(files, record)


_ADDED = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}  # written by the installer, not in the wheel


def _fetch(requirement: str, python: Python, into: Path) -> tuple[str, ...]:
    """Fetch a wheel with the first pip that works; return its last lines of output."""
    _, argv = pip_argv(requirement, python, into)
    lines: tuple[str, ...] = ("pip not found on this machine",)
    for pip in ((sys.executable, "-m", "pip"), ("pip",), ("uvx", "pip")):
        if shutil.which(pip[0]) is None or run((*pip, "--version")).code != 0:
            continue
        done = run((*pip, *argv), timeout=_SECONDS)
        lines = done.last(8)
        if done.code == 0:
            break
    return lines


def _keep(path: Path, data: bytes) -> Path:
    """Put a wheel into the cache."""
    replace_file(path, data, 0o644)
    return path
