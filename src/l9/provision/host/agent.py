"""The agent on the host: a venv of its own for each version, and one link that says which is used."""

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

_DIGEST = re.compile(r"[0-9a-f]{16}")


def look(directory: str) -> dict[str, Any]:
    """The digest that the link names, and all that are installed, newest first."""
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
    """Make `directory/digest` from wheels (base64 by file name); it appears whole or not at all."""
    final = os.path.join(change["directory"], change["digest"])
    files.make_directory(change["directory"], 0o755)
    aside = f"{final}.making-{os.getpid()}"
    _sweep(change["directory"])
    code, out, err = system.run([change["python"], "-I", "-m", "venv", "--without-pip", aside], 120)
    if code != 0:
        raise Refused("the agent's Python environment cannot be made", *_last(err + out))
    for useless in glob.glob(os.path.join(glob.escape(aside), "bin", "[Aa]ctivate*")):
        os.unlink(useless)
    (packages,) = glob.glob(os.path.join(glob.escape(aside), "lib", "python*", "site-packages"))
    for name, data in sorted(wheels.items()):
        _unzip(name, base64.b64decode(data), packages)
    launcher = os.path.join(aside, "bin", "l9")
    python = shlex.quote(os.path.join(final, "bin", "python"))
    # Not a `#!` of the Python itself: the path may have blanks, and may be longer than the kernel takes.
    files.put(launcher, f'#!/bin/sh\nexec {python} -I -m l9 "$@"\n'.encode(), 0o755)
    _compile(aside, packages, final)
    _try(os.path.join(aside, "bin", "python"))
    files.sync(aside)
    if os.path.isdir(final):  # not whole, or it would not have been asked for
        shutil.rmtree(final)
    os.rename(aside, final)
    files.sync(change["directory"])


def switch(change: dict[str, Any]) -> None:
    """Point `bin` at a version in one rename; who runs the old one goes on undisturbed."""
    link = os.path.join(change["directory"], "bin")
    aside = f"{link}.new"
    if os.path.lexists(aside):
        os.unlink(aside)
    os.symlink(f"{change['digest']}/bin", aside)
    os.replace(aside, link)
    files.sync(change["directory"])


def prune(change: dict[str, Any]) -> None:
    """Remove versions that are used no more."""
    for name in change["digests"]:
        if _DIGEST.fullmatch(name):
            shutil.rmtree(os.path.join(change["directory"], name))


def _sweep(directory: str) -> None:
    """Remove what was begun more than an hour ago and never finished."""
    for path in glob.glob(os.path.join(glob.escape(directory), "*.making-*")):
        if time.time() - os.stat(path).st_mtime > 3600:
            shutil.rmtree(path, ignore_errors=True)


def _whole(directory: str) -> bool:
    """Whether the version can run: its Python may have gone with an upgrade of the host."""
    return all(os.access(os.path.join(directory, "bin", name), os.X_OK) for name in ("python", "l9"))


def _unzip(name: str, data: bytes, into: str) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        for info in wheel.infolist():
            if info.filename.startswith("/") or ".." in info.filename.split("/"):
                raise Refused(f"the wheel {name} is not one", f"a file {info.filename!r} in it")
        wheel.extractall(into)


def _compile(aside: str, packages: str, final: str) -> None:
    """Bytecode that is never checked against its source: starting reads half as many files."""
    python = os.path.join(aside, "bin", "python")
    argv = [python, "-I", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    code, out, err = system.run([*argv, "-s", aside, "-p", final, packages], 120)
    if code != 0:
        raise Refused("the agent does not compile on this Python", *_last(err + out))


def _try(python: str) -> None:
    code, out, err = system.run([python, "-I", "-c", "import l9.cli.main, l9.host.agent, l9.host.timer"], 60)
    if code != 0:
        raise Refused("the agent does not start; the one before is still in use", *_last(err + out))


def _last(text: str) -> tuple[str, tuple[str, ...]]:
    lines = text.strip().splitlines() or ["no output"]
    return lines[-1], tuple(lines[-8:])
