"""Caddy on the host: which process, whose, and what it has loaded."""

from __future__ import annotations

import grp
import http.client
import json
import os
import pwd
from typing import Any
from urllib.parse import urlsplit

from l9.provision.host import system

# Caddy 2.6 makes ~/.step whatever it is asked, unless this names a directory that is there.
WRITES_NOTHING = {"STEPPATH": "/"}
UNIT_FILE = "/etc/caddy/Caddyfile"  # what the package's unit runs and reloads


def look(caddyfile: str, admin: str, marks: list[str]) -> dict[str, Any] | None:
    """What is to be known of Caddy; None where there is none.

    `loaded`: whether the running configuration holds all of `marks` (None when the admin API does not answer).
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
    """Directories above `path` that Caddy's user may not pass."""
    user = user_of(process(caddyfile))
    if user is None or user.pw_uid == 0:
        return []
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    closed = []
    above = os.path.dirname(path)
    while above != os.path.dirname(above):
        try:
            seen = os.stat(above)
        except OSError:
            seen = None
        if seen is not None:
            bit = 0o100 if seen.st_uid == user.pw_uid else 0o010 if seen.st_gid in groups else 0o001
            if not seen.st_mode & bit:
                closed.append(above)
        above = os.path.dirname(above)
    return closed[::-1]


def running_config(admin: str) -> str | None:
    """The running configuration as Caddy tells it, or None."""
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
    """The process that runs this Caddyfile."""
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
    """Who else is in the group of Caddy's user."""
    if user is None:
        return []
    first = [other.pw_name for other in pwd.getpwall() if other.pw_gid == user.pw_gid]
    try:
        return first + grp.getgrgid(user.pw_gid).gr_mem
    except KeyError:
        return first


def environment(pid: int | None, user: pwd.struct_passwd | None) -> dict[str, str]:
    """What the Caddyfile may refer to: the environment of the Caddy that runs."""
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
    known.pop("NOTIFY_SOCKET", None)  # systemd listens there to Caddy itself
    return known


def as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Popen's arguments to become Caddy's user; nothing where we may not."""
    if user is None or os.geteuid() != 0 or user.pw_uid == 0:
        return {}
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}
