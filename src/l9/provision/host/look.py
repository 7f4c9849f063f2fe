"""Inspects the state of the host, without changing anything."""

from __future__ import annotations

import glob
import os
import socket
import subprocess
import sys
from typing import Any

from l9.provision.host import agent, caddy, files, route, system
from l9.provision.host.program import program
from l9.provision.host.talk import parse_message

PROGRAMS = ("git", "docker", "caddy", "logger", "ssh-keygen")


def look(data: dict[str, Any]) -> dict[str, Any]:
    """Return everything that the planner needs. `data["look"]` names the paths."""
    request = data["look"]
    path, caddyfile = request["path"], request["caddyfile"]
    may_sudo = system.sudo()
    timers = request["timers"] if system.has_systemd() else []
    return {
        "hostname": socket.gethostname(),
        "me": system.me(),
        "sudo": may_sudo,
        "system": system.release(),
        "python": system.python(),
        "programs": {name: system.find(name) or "" for name in PROGRAMS},
        "docker": system.docker() if request["docker"] else None,
        "systemd": system.has_systemd(),
        "cron": system.has_cron(),
        "caddy": caddy.look(caddyfile, request["admin"], request["marks"]) if caddyfile else None,
        "closed": caddy.closed_to(caddyfile, path) if caddyfile else [],
        "sites": _texts(request["sites"], set(request["paths"])),
        "instances": _texts(request["instances"], set()),
        "path": _root(path),
        "origin": _origin(path, request["repository"]),
        "exclude": _lines(os.path.join(path, ".git", "info", "exclude")),
        "entries": _entries(data, may_sudo),
        "agents": {directory: agent.look(directory) for directory in request["agents"]},
        "timers": [name for name in timers if _runs(name)],
        "free": _free(path),
        "listening": system.listening(),
        "live": route.live(request["settings"], request["wanted"]) if request["wanted"] else None,
    }


def entries(paths: list[str], unlinked: list[str]) -> dict[str, Any]:
    """Return the entry at each path; `hidden` if permission is denied. Links at `unlinked` paths are not followed."""
    found: dict[str, Any] = {}
    for path in paths:
        try:
            found[path] = files.with_text(path, follow=path not in unlinked)
        except PermissionError:
            found[path] = {"kind": "hidden", "mode": 0, "owner": "", "group": ""}
    return found


def _entries(data: dict[str, Any], may_sudo: bool) -> dict[str, Any]:
    """Return `entries`; hidden ones are inspected as root, if sudo is available."""
    unlinked = data["look"]["unlinked"]
    found = entries(data["look"]["paths"], unlinked)
    hidden = [path for path, entry in found.items() if entry and entry["kind"] == "hidden"]
    if hidden and may_sudo and os.geteuid() != 0:
        text = program({**data, "mode": "entries", "look": {"paths": hidden, "unlinked": unlinked}})
        argv = ["sudo", "-n", sys.executable, "-I", "-"]
        done = subprocess.run(argv, input=text.encode(), capture_output=True, check=False)
        for line in done.stdout.decode(errors="replace").splitlines():
            found.update((parse_message(line) or {}).get("entries", {}))
    return found


def _root(path: str) -> dict[str, Any]:
    """Return the state of the directory: missing, free (only our files), a clone, or something else."""
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
    """Return the clone's origin; without a clone, whether the wanted repository can be read from here."""
    if os.path.exists(os.path.join(path, ".git")):
        argv = ["git", "-C", path, "remote", "get-url", "--", "origin"]
        code, out, err = system.run(argv, 10, system.QUIET)
        return {"url": out.strip() if code == 0 else "", "reachable": None, "said": err.strip()}
    return {"url": "", **system.reaches(wanted)} if wanted else {"url": "", "reachable": None, "said": ""}


def _texts(pattern: str, without: set[str]) -> dict[str, str]:
    """Return the readable files that match a pattern: path to text."""
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
    """Return the bytes available to an ordinary user at `path`, or at its nearest existing parent."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
