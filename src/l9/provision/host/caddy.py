"""Inspects Caddy on the host: its process, its user, and its loaded configuration."""

from __future__ import annotations

import grp
import http.client
import json
import os
import pwd
from typing import Any
from urllib.parse import urlsplit

from l9.provision.host import system

# Caddy 2.6 creates ~/.step on every command, unless this names an existing directory.
WRITES_NOTHING = {"STEPPATH": "/"}
UNIT_FILE = "/etc/caddy/Caddyfile"  # the file that the package's unit runs and reloads


def look(caddyfile: str, admin: str, marks: list[str]) -> dict[str, Any] | None:
    """Return the state of Caddy; None if it is not installed.

    `loaded`: the running configuration contains all of `marks`; None if the admin API does not answer.
    """
    pid = process(caddyfile)
    program = system.find("caddy") or (_argv(pid)[0] if pid else None)
    if not program:
        return None
    running = running_config(admin)
    user = user_of(pid)
    return {
        "program": program,
        "version": (system.run([program, "version"], env=WRITES_NOTHING)[1].split() or [""])[0],
        "running": pid is not None,
        "user": user.pw_name if user else "",
        "group": system.group(user.pw_gid) if user else "",
        "members": _members(user),
        "loaded": None if running is None else all(mark in running for mark in marks),
    }


def closed_to(caddyfile: str, path: str) -> list[str]:
    """Return the directories above `path` that Caddy's user may not enter."""
    user = user_of(process(caddyfile))
    if user is None or user.pw_uid == 0:
        return []
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    closed = []
    above = os.path.dirname(path)
    while above != os.path.dirname(above):
        try:
            status = os.stat(above)
        except OSError:
            status = None
        if status is not None:
            bit = 0o100 if status.st_uid == user.pw_uid else 0o010 if status.st_gid in groups else 0o001
            if not status.st_mode & bit:
                closed.append(above)
        above = os.path.dirname(above)
    return closed[::-1]


def running_config(admin: str) -> str | None:
    """Return the running configuration from Caddy's admin API, or None."""
    connection = http.client.HTTPConnection(urlsplit(admin).netloc, timeout=2)
    try:
        connection.request("GET", "/config/")
        answer = connection.getresponse()
        return json.dumps(json.load(answer), ensure_ascii=False) if answer.status == 200 else None
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def process(caddyfile: str) -> int | None:
    """Return the pid of the Caddy that runs this Caddyfile, or None."""
    for name in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):
        argv = _argv(int(name))
        if len(argv) > 1 and argv[1] == "run" and caddyfile in argv and "caddy" in os.path.basename(argv[0]):
            return int(name)
    return None


def _argv(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="surrogateescape").split("\0")[:-1]
    except OSError:
        return []


def user_of(pid: int | None) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid) if pid else pwd.getpwnam("caddy")
    except (OSError, KeyError):
        return None


def _members(user: pwd.struct_passwd | None) -> list[str]:
    """Return the members of the group of Caddy's user."""
    if user is None:
        return []
    first = [other.pw_name for other in pwd.getpwall() if other.pw_gid == user.pw_gid]
    try:
        return first + grp.getgrgid(user.pw_gid).gr_mem
    except KeyError:
        return first


def environment(pid: int | None, user: pwd.struct_passwd | None) -> dict[str, str]:
    """Return the environment of the running Caddy, which its Caddyfile may refer to."""
    known = {"HOME": user.pw_dir} if user else {}
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            text = file.read().decode(errors="surrogateescape")
    except OSError:
        return known
    for line in text.split("\0"):
        name, equals, value = line.partition("=")
        if equals:
            known[name] = value
    known.pop("NOTIFY_SOCKET", None)  # only the running Caddy may notify systemd
    return known


def as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Return Popen's arguments to run as Caddy's user; empty if we are not root."""
    if user is None or os.geteuid() != 0 or user.pw_uid == 0:
        return {}
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}
