"""Installs the agent on the host: a venv for each version, and a link to the current one."""

from __future__ import annotations

import base64
import glob
import io
import os
import re
import shlex
import shutil
import time
import zipfile
from typing import Any

from l9.provision.host import files, system
from l9.provision.host.talk import Refused
from l9.provision.host.undo import Undo

_DIGEST = re.compile(r"[0-9a-f]{16}")


def look(directory: str) -> dict[str, Any]:
    """Return the digests of the current version and of all installed versions, newest first."""
    try:
        current: str | None = os.readlink(os.path.join(directory, "bin")).split("/")[0]
    except OSError:
        current = None
    found = []
    if os.path.isdir(directory):
        for name in os.listdir(directory):
            if _DIGEST.fullmatch(name) and _whole(os.path.join(directory, name)):
                found.append(name)
    found.sort(key=lambda name: os.stat(os.path.join(directory, name)).st_mtime, reverse=True)
    return {"current": current if current in found else None, "installed": found}


def install(change: dict[str, Any], wheels: dict[str, str]) -> None:
    """Create `directory/digest` from wheels (base64 by file name), atomically."""
    final = os.path.join(change["directory"], change["digest"])
    files.make_directory(change["directory"], 0o755)
    aside = f"{final}.making-{os.getpid()}"
    _sweep(change["directory"])
    code, out, err = system.run([change["python"], "-I", "-m", "venv", "--without-pip", aside], 120)
    if code != 0:
        raise Refused("the agent's virtual environment cannot be created", *_last(err + out))
    for useless in glob.glob(os.path.join(glob.escape(aside), "bin", "[Aa]ctivate*")):
        os.unlink(useless)
    (packages,) = glob.glob(os.path.join(glob.escape(aside), "lib", "python*", "site-packages"))
    for name, data in sorted(wheels.items()):
        _unzip(name, base64.b64decode(data), packages)
    launcher = os.path.join(aside, "bin", "l9")
    python = shlex.quote(os.path.join(final, "bin", "python"))
    # No `#!` with the Python's path: it may contain spaces, and may be longer than the kernel allows.
    files.put(launcher, f'#!/bin/sh\nexec {python} -I -m l9 "$@"\n'.encode(), 0o755)
    _compile(aside, packages, final)
    _try(os.path.join(aside, "bin", "python"))
    files.sync(aside)
    if os.path.isdir(final):  # incomplete, or it would not be installed again
        shutil.rmtree(final)
    os.rename(aside, final)
    files.sync(change["directory"])


def switch(change: dict[str, Any], undo: Undo) -> None:
    """Point `bin` at a version in one rename; running processes keep the old one."""
    link = os.path.join(change["directory"], "bin")
    old = os.readlink(link) if os.path.islink(link) else None
    undo(lambda: _link(link, old) if old is not None else os.unlink(link))
    _link(link, f"{change['digest']}/bin")


def _link(link: str, to: str) -> None:
    aside = f"{link}.new"
    if os.path.lexists(aside):
        os.unlink(aside)
    os.symlink(to, aside)
    os.replace(aside, link)
    files.sync(os.path.dirname(link))


def prune(change: dict[str, Any], _undo: Undo) -> None:
    """Remove unused versions."""
    for name in change["digests"]:
        if _DIGEST.fullmatch(name):
            shutil.rmtree(os.path.join(change["directory"], name))


def _sweep(directory: str) -> None:
    """Remove incomplete installations that are older than an hour."""
    for path in glob.glob(os.path.join(glob.escape(directory), "*.making-*")):
        if time.time() - os.stat(path).st_mtime > 3600:
            shutil.rmtree(path, ignore_errors=True)


def _whole(directory: str) -> bool:
    """True if the version can run: an upgrade of the host may have removed its Python."""
    return all(os.access(os.path.join(directory, "bin", name), os.X_OK) for name in ("python", "l9"))


def _unzip(name: str, data: bytes, into: str) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        for info in wheel.infolist():
            if info.filename.startswith("/") or ".." in info.filename.split("/"):
                raise Refused(f"invalid wheel: {name}", f"a file {info.filename!r} in it")
        wheel.extractall(into)


def _compile(aside: str, packages: str, final: str) -> None:
    """Compile to bytecode that is never checked against its source: starting reads half as many files."""
    python = os.path.join(aside, "bin", "python")
    argv = [python, "-I", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    code, out, err = system.run([*argv, "-s", aside, "-p", final, packages], 120)
    if code != 0:
        raise Refused("the agent does not compile on this Python", *_last(err + out))


def _try(python: str) -> None:
    code, out, err = system.run([python, "-I", "-c", "import l9.cli.main, l9.host.agent, l9.host.timer"], 60)
    if code != 0:
        raise Refused("the new agent does not start; the previous one is still in use", *_last(err + out))


def _last(text: str) -> tuple[str, tuple[str, ...]]:
    lines = text.strip().splitlines() or ["no output"]
    return lines[-1], tuple(lines[-8:])
