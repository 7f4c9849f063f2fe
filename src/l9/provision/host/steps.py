"""What each kind of change does on the host, and how it is taken back (`changes.py` says it in words)."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from typing import Any

from l9.provision.host import agent, caddy_site, files, system
from l9.provision.host.talk import Refused
from l9.provision.host.undo import Undo

Change = dict[str, Any]
Step = Callable[[Change, Undo], None]


def _directory(change: Change, undo: Undo) -> None:
    undo.access(change["path"], os.rmdir)
    files.make_directory(change["path"], change["mode"], change["owner"], change["group"])


def _file(change: Change, undo: Undo) -> None:
    files.refuse_changed(change["path"], change["before"])
    undo.file(change["path"])
    data = change["text"].encode("utf-8", "surrogateescape")
    os.makedirs(os.path.dirname(change["path"]), mode=0o755, exist_ok=True)
    files.put(change["path"], data, change["mode"], change["owner"], change["group"])


def _lines(change: Change, undo: Undo) -> None:
    """Add lines to a file that other programs also write."""
    undo.file(change["path"])
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


def _remove(change: Change, _undo: Undo) -> None:
    """Remove unused files. No run uses them: the run's lock is held."""
    for path in change["paths"]:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def _clone(change: Change, _undo: Undo) -> None:
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


def _origin(change: Change, undo: Undo) -> None:
    def set_to(url: str) -> None:
        _run_checked(["git", "-C", change["path"], "remote", "set-url", "--", "origin", url])

    undo(lambda: set_to(change["old"]))
    set_to(change["url"])


def _log(change: Change, undo: Undo) -> None:
    """Create the access log, before Caddy creates one that only Caddy can read."""
    undo.access(change["path"], os.unlink)
    if not os.path.isdir(os.path.dirname(change["path"])):
        files.make_directory(os.path.dirname(change["path"]), 0o755, change["owner"], change["group"])
    fd = os.open(change["path"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        files.give(fd, change["owner"], change["group"])
        os.fchmod(fd, change["mode"])
    finally:
        os.close(fd)


def _join(change: Change, undo: Undo) -> None:
    undo(lambda: _run_checked(["gpasswd", "--delete", change["user"], change["group"]]))
    _run_checked(["usermod", "--append", "--groups", change["group"], change["user"]])


def _timers(change: Change, undo: Undo) -> None:
    names = change["names"]
    enabled = [name for name in names if system.run(["systemctl", "is-enabled", "--quiet", name])[0] == 0]
    undo.at_the_end(lambda: _run_checked(["systemctl", "daemon-reload"]))  # its units are as before then
    if enabled:
        undo.at_the_end(lambda: _run_checked(["systemctl", "restart", *enabled]))
    if fresh := [name for name in names if name not in enabled]:
        undo(lambda: _run_checked(["systemctl", "disable", "--now", *fresh]))
    _run_checked(["systemctl", "daemon-reload"])
    _run_checked(["systemctl", "enable", *names])
    _run_checked(["systemctl", "restart", *names])  # a timer that runs keeps its old times otherwise


def _packages(change: Change, _undo: Undo) -> None:
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


STEPS: dict[str, Step] = {
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
