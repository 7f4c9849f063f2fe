"""The present state of the host, changing nothing."""

from __future__ import annotations

import glob
import os
import socket
import subprocess
import sys
from typing import Any

from l9.provision.host import agent, caddy, files, system
from l9.provision.host.program import program
from l9.provision.host.talk import heard

PROGRAMS = ("git", "docker", "caddy", "logger", "ssh-keygen")


def look(data: dict[str, Any]) -> dict[str, Any]:
    """All that the planner asks for. `data["look"]` names the paths."""
    asked = data["look"]
    path, caddyfile = asked["path"], asked["caddyfile"]
    may_sudo = system.sudo()
    timers = asked["timers"] if system.has_systemd() else []
    return {
        "hostname": socket.gethostname(),
        "me": system.me(),
        "sudo": may_sudo,
        "system": system.release(),
        "python": system.python(),
        "programs": {name: system.find(name) or "" for name in PROGRAMS},
        "docker": system.docker() if asked["docker"] else None,
        "systemd": system.has_systemd(),
        "cron": system.has_cron(),
        "caddy": caddy.look(caddyfile, asked["admin"], asked["marks"]) if caddyfile else None,
        "closed": caddy.closed_to(caddyfile, path) if caddyfile else [],
        "sites": _texts(asked["sites"], set(asked["paths"])),
        "instances": _texts(asked["instances"], set()),
        "path": _root(path),
        "origin": _origin(path, asked["repository"]),
        "exclude": _lines(os.path.join(path, ".git", "info", "exclude")),
        "entries": _entries(data, may_sudo),
        "agents": {directory: agent.look(directory) for directory in asked["agents"]},
        "timers": [name for name in timers if _runs(name)],
        "free": _free(path),
    }


def entries(paths: list[str], unlinked: list[str]) -> dict[str, Any]:
    """What is at each path; `hidden` where we may not look. A link at an `unlinked` path is told as a link."""
    found: dict[str, Any] = {}
    for path in paths:
        try:
            found[path] = files.with_text(path, follow=path not in unlinked)
        except PermissionError:
            found[path] = {"kind": "hidden", "mode": 0, "owner": "", "group": ""}
    return found


def _entries(data: dict[str, Any], may_sudo: bool) -> dict[str, Any]:
    """As `entries`; what is hidden from us is looked at by root, where we may ask."""
    unlinked = data["look"]["unlinked"]
    found = entries(data["look"]["paths"], unlinked)
    hidden = [path for path, seen in found.items() if seen and seen["kind"] == "hidden"]
    if hidden and may_sudo and os.geteuid() != 0:
        text = program({**data, "mode": "entries", "look": {"paths": hidden, "unlinked": unlinked}})
        argv = ["sudo", "-n", sys.executable, "-I", "-"]
        done = subprocess.run(argv, input=text.encode(), capture_output=True, check=False)
        for line in done.stdout.decode(errors="replace").splitlines():
            found.update((heard(line) or {}).get("entries", {}))
    return found


def _root(path: str) -> dict[str, Any]:
    """The directory itself: missing, empty of what is not ours, a clone, or something else."""
    try:
        names = sorted(os.listdir(path))
    except FileNotFoundError:
        above = os.path.dirname(path)
        while not os.path.isdir(above):
            above = os.path.dirname(above)
        return {"kind": "missing", "makeable": os.access(above, os.W_OK | os.X_OK)}
    except (NotADirectoryError, PermissionError) as error:
        return {"kind": "other", "strangers": [str(error)]}
    ours = (".l9", ".env", ".deployed-tag", ".deployed-metadata.json", "lost+found")
    found: dict[str, Any] = {**(files.entry(os.path.realpath(path)) or {}), "kind": "free", "makeable": True}
    found["strangers"] = [name for name in names if name not in ours][:5]
    if os.path.exists(os.path.join(path, ".git")):
        found["kind"] = "clone"
    elif found["strangers"]:
        found["kind"] = "other"
    return found


def _origin(path: str, wanted: str) -> dict[str, Any]:
    """Where the clone comes from; without a clone, whether the wanted repository can be read from here."""
    if os.path.exists(os.path.join(path, ".git")):
        argv = ["git", "-C", path, "remote", "get-url", "--", "origin"]
        code, out, err = system.run(argv, 10, system.QUIET)
        return {"url": out.strip() if code == 0 else "", "reachable": None, "said": err.strip()}
    return {"url": "", **system.reaches(wanted)} if wanted else {"url": "", "reachable": None, "said": ""}


def _texts(pattern: str, without: set[str]) -> dict[str, str]:
    """The files of a pattern that we may read, by path."""
    return {
        path: "\n".join(_lines(path))
        for path in glob.glob(pattern)
        if path not in without and os.path.isfile(path)
    }


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _runs(timer: str) -> bool:
    return all(
        system.run(["systemctl", ask, "--quiet", timer])[0] == 0 for ask in ("is-enabled", "is-active")
    )


def _free(path: str) -> int:
    """Bytes that an ordinary user can still write where `path` is or will be."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    seen = os.statvfs(path)
    return seen.f_bavail * seen.f_frsize
