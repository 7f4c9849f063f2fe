"""Applies the changes in order, and reports each when it is done."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

from l9.provision.host import agent, caddy_site, files, system
from l9.provision.host.program import program
from l9.provision.host.talk import Refused, say

Change = dict[str, Any]


def apply(data: dict[str, Any]) -> int:
    """Apply `data["changes"]`; return 0, or 1 after the first failure. Caddy's files are validated first."""
    if data.get("checked"):
        return _apply(data)
    with _locked(data["lock"]) as held:
        return _apply(data) if held else 1


@contextlib.contextmanager
def _locked(path: str) -> Iterator[bool]:
    """Hold the run's lock, so that no run begins or goes on meanwhile; False, and reported, if a run holds it.

    A host without the file has had no run. A lock of another user cannot be taken, and is passed over.
    """
    try:
        lock = open(path, "r+b")  # noqa: SIM115  # closed below, after a branch without a file
    except (FileNotFoundError, PermissionError):
        yield True
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(
                type="failed", index=0, message="a run is in progress", found=_holder(lock), log=[], busy=True
            )
            yield False
            return
        note = {"who": "provisioning", "what": "provision", "since": time.time(), "pid": os.getpid()}
        lock.truncate(0)
        lock.write(json.dumps(note).encode())
        lock.flush()
        try:
            yield True
        finally:
            lock.truncate(0)


def _holder(lock: IO[bytes]) -> str:
    try:
        note = json.loads(lock.read())
        return f"{note['what']} by {note['who']}"
    except (ValueError, KeyError, TypeError):
        return "another command"


def _apply(data: dict[str, Any]) -> int:
    changes: list[Change] = data["changes"]
    if not data.get("checked"):
        for change in changes:
            if change["kind"] == "caddy" and not _as_root(data, [change], "validate"):
                return 1
    for group in _by_privilege(changes):
        if group[0]["root"] and os.geteuid() != 0:
            if not _as_root(data, group, "apply"):
                return 1
        elif not all(_perform(change, data) for change in group):
            return 1
    return 0


def validate(data: dict[str, Any]) -> int:
    """Only validate Caddy's configuration; return 0 if Caddy accepts it."""
    return 0 if all(_try(change, caddy_site.validate, report=False) for change in data["changes"]) else 1


def _by_privilege(changes: list[Change]) -> list[list[Change]]:
    """Group consecutive changes that need the same user."""
    groups: list[list[Change]] = []
    for change in changes:
        if not groups or groups[-1][0]["root"] != change["root"]:
            groups.append([])
        groups[-1].append(change)
    return groups


def _as_root(data: dict[str, Any], changes: list[Change], mode: str) -> bool:
    """Run this program as root for these changes only; it writes its messages to the same output."""
    child = {**data, "mode": mode, "changes": changes, "wheels": _wheels(data, changes), "checked": True}
    if os.geteuid() == 0:
        return (validate(child) if mode == "validate" else apply(child)) == 0
    sys.stdout.flush()
    argv = ["sudo", "-n", sys.executable, "-I", "-"]
    return subprocess.run(argv, input=program(child).encode(), check=False).returncode == 0


def _wheels(data: dict[str, Any], changes: list[Change]) -> dict[str, str]:
    """Return the agent's wheels if one of the changes installs it."""
    return data["wheels"] if any(change["kind"] == "install-agent" for change in changes) else {}


def _perform(change: Change, data: dict[str, Any]) -> bool:
    if change["kind"] == "install-agent":
        return _try(change, lambda c: agent.install(c, data["wheels"]))
    return _try(change, STEPS[change["kind"]])


def _try(change: Change, step: Callable[[Change], None], report: bool = True) -> bool:
    began = time.monotonic()
    try:
        step(change)
    except Refused as error:
        say(
            type="failed",
            index=change["index"],
            message=error.message,
            found=error.found,
            log=error.log,
            remedy=error.remedy,
        )
        return False
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        message = "the disk is full" if full else "a change failed on the host"
        say(type="failed", index=change["index"], message=message, found=str(error), log=[], full=full)
        return False
    if report:
        say(type="done", index=change["index"], seconds=round(time.monotonic() - began, 3))
    return True


def _directory(change: Change) -> None:
    files.make_directory(change["path"], change["mode"], change["owner"], change["group"])


def _file(change: Change) -> None:
    files.refuse_changed(change["path"], change["before"])
    data = change["text"].encode("utf-8", "surrogateescape")
    os.makedirs(os.path.dirname(change["path"]), mode=0o755, exist_ok=True)
    files.put(change["path"], data, change["mode"], change["owner"], change["group"])


def _lines(change: Change) -> None:
    """Add lines to a file that other programs also write."""
    try:
        with open(change["path"], "rb") as file:
            old = file.read()
    except FileNotFoundError:
        old = b""
        os.makedirs(os.path.dirname(change["path"]), exist_ok=True)
    if old and not old.endswith(b"\n"):
        old += b"\n"
    missing = [line for line in change["lines"] if line.encode() not in old.splitlines()]
    files.put(change["path"], old + "".join(f"{line}\n" for line in missing).encode(), 0o644)


def _remove(change: Change) -> None:
    """Remove unused files. No run uses them: the run's lock is held."""
    for path in change["paths"]:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def _clone(change: Change) -> None:
    """Clone elsewhere, then move `.git` in with one rename: the directory may already contain `.env` and `.l9`."""
    path = change["path"]
    aside = os.path.join(path, ".l9", "clone")
    shutil.rmtree(aside, ignore_errors=True)
    os.makedirs(os.path.dirname(aside), exist_ok=True)
    argv = ["git", "clone", "--quiet", "--no-checkout", "--", change["url"], aside]
    code, _, err = system.run(argv, 1800, system.QUIET, cwd=path)
    if code != 0:
        shutil.rmtree(aside, ignore_errors=True)
        lines = tuple(err.strip().splitlines()) or ("no output",)
        raise Refused(f"the host cannot clone {change['url']}", lines[-1], lines[-8:])
    os.rename(os.path.join(aside, ".git"), os.path.join(path, ".git"))
    shutil.rmtree(aside, ignore_errors=True)
    if system.run(["git", "-C", path, "rev-parse", "--verify", "--quiet", "HEAD"])[0] == 0:
        code, _, err = system.run(
            ["git", "-C", path, "reset", "--quiet", "--hard", "HEAD"], 600, system.QUIET
        )
        if code != 0:
            raise Refused("the clone cannot be checked out", err.strip()[-300:])


def _origin(change: Change) -> None:
    _run_checked(["git", "-C", change["path"], "remote", "set-url", "--", "origin", change["url"]])


def _log(change: Change) -> None:
    """Create the access log, before Caddy creates one that only Caddy can read."""
    if not os.path.isdir(os.path.dirname(change["path"])):
        files.make_directory(os.path.dirname(change["path"]), 0o755, change["owner"], change["group"])
    fd = os.open(change["path"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        files.give(fd, change["owner"], change["group"])
        os.fchmod(fd, change["mode"])
    finally:
        os.close(fd)


def _join(change: Change) -> None:
    _run_checked(["usermod", "--append", "--groups", change["group"], change["user"]])


def _timers(change: Change) -> None:
    _run_checked(["systemctl", "daemon-reload"])
    _run_checked(["systemctl", "enable", *change["names"]])
    _run_checked(
        ["systemctl", "restart", *change["names"]]
    )  # a timer that runs keeps its old times otherwise


def _packages(change: Change) -> None:
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    _run_checked(["apt-get", "update", "--quiet"], 600, env)
    _run_checked(
        ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *change["names"]], 1800, env
    )


def _run_checked(argv: list[str], timeout: float = 60, env: dict[str, str] | None = None) -> None:
    code, out, err = system.run(argv, timeout, env)
    if code != 0:
        lines = tuple((err or out).strip().splitlines()) or ("no output",)
        raise Refused(f"{' '.join(argv[:3])} failed", f"exit code {code}: {lines[-1]}", lines[-8:])


STEPS: dict[str, Callable[[Change], None]] = {
    "directory": _directory,
    "file": _file,
    "lines": _lines,
    "remove": _remove,
    "clone": _clone,
    "origin": _origin,
    "log": _log,
    "join": _join,
    "caddy": caddy_site.put_in_place,
    "timers": _timers,
    "packages": _packages,
    "switch-agent": agent.switch,
    "prune-agents": agent.prune,
}
