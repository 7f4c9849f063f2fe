"""Caddy on the host: who runs it, whether it would take a configuration, and giving it one."""

from __future__ import annotations

import glob
import grp
import json
import os
import pwd
import shutil
import tempfile
import urllib.request
from typing import Any

from l9.provision.host import files, system
from l9.provision.host.talk import Refused

UNIT_FILE = "/etc/caddy/Caddyfile"  # what the package's unit runs and reloads
_SECONDS = 60


def look(caddyfile: str, admin: str, marks: list[str]) -> dict[str, Any] | None:
    """What is to be known of Caddy; None where there is none.

    `loaded`: whether the running configuration holds all of `marks` (None when the admin API does not answer).
    """
    pid = _pid(caddyfile)
    program = system.find("caddy") or (_argv(pid)[0] if pid else None)
    if not program:
        return None
    running = _config(admin)
    user = _user(pid)
    return {
        "program": program,
        "version": (system.run([program, "version"])[1].split() or [""])[0],
        "running": pid is not None,
        "user": user.pw_name if user else "",
        "group": system.group(user.pw_gid) if user else "",
        "members": _members(user),
        "loaded": None if running is None else all(mark in running for mark in marks),
    }


def closed_to(caddyfile: str, path: str) -> list[str]:
    """Directories above `path` that Caddy's user may not pass."""
    user = _user(_pid(caddyfile))
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


def validate(change: dict[str, Any]) -> None:
    """Ask Caddy itself, about copies beside the originals. Raises Refused with what Caddy says.

    It runs as Caddy's own user, because validating opens the log files; ours is named elsewhere for the time.
    """
    caddyfile, site = os.path.realpath(change["caddyfile"]), change["site"]
    directory = os.path.dirname(caddyfile)
    pid = _pid(change["caddyfile"])
    user = _user(pid)
    scratch = tempfile.mkdtemp(prefix=".l9-candidate-", dir=directory)
    candidate = scratch + ".candidate"  # no name that an `import *.conf` of the user's would take up
    try:
        os.chmod(scratch, 0o755)
        logs = os.path.join(scratch, "log")
        os.mkdir(logs)
        files.give(logs, user.pw_name if user else "", "")
        for known in glob.glob(os.path.join(glob.escape(os.path.dirname(site)), "*.caddy")):
            _copy(known, os.path.join(scratch, os.path.basename(known)))
        ours = change["site_text"].replace(change["access_log"], os.path.join(logs, "access.log"))
        files.put(os.path.join(scratch, os.path.basename(site)), _bytes(ours), 0o644)
        text = change["caddyfile_text"].replace(change["sites"], os.path.join(scratch, "*.caddy"))
        _put_like(candidate, _bytes(text), _kept(caddyfile))
        argv = [change["program"], "validate", "--adapter", "caddyfile", "--config", candidate]
        code, out, err = system.run(argv, _SECONDS, _environment(pid, user), **_as(user))
        if code != 0:
            said = (err + out).replace(candidate, caddyfile)
            said = said.replace(scratch, os.path.dirname(site)).replace(
                os.path.join(os.path.dirname(site), "log", "access.log"), change["access_log"]
            )
            raise Refused("Caddy refuses the configuration; nothing was changed", *_said(said))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if os.path.exists(candidate):
            os.unlink(candidate)


def put_in_place(change: dict[str, Any]) -> None:
    """Write the site and the Caddyfile and load them; both are as before when Caddy does not load them."""
    wanted = {change["site"]: change["site_text"], change["caddyfile"]: change["caddyfile_text"]}
    for path in wanted:
        files.refuse_changed(path, change["before"][path])
    validate(change)
    os.makedirs(os.path.dirname(change["site"]), mode=0o755, exist_ok=True)
    kept = {path: _kept(path) for path in wanted}
    for path, text in wanted.items():
        old = kept[path]
        if old is None or old[0] != _bytes(text):
            _put_like(path, _bytes(text), old)
    try:
        reload(change)
    except Refused:
        for path, old in kept.items():
            if old is None:
                os.unlink(path)
            else:
                _put_like(path, old[0], old)
        raise


def reload(change: dict[str, Any]) -> None:
    """Have the running Caddy load its Caddyfile; nothing to do where none runs. Raises Refused."""
    pid = _pid(change["caddyfile"])
    user = _user(pid)
    if system.has_systemd() and change["caddyfile"] == UNIT_FILE:
        if system.run(["systemctl", "is-active", "--quiet", "caddy"])[0] != 0:
            return
        code, out, err = system.run(["systemctl", "reload", "caddy"], _SECONDS)
        if code != 0:
            err += system.run(["journalctl", "--unit=caddy", "--lines=10", "--output=cat"])[1]
    elif _config(change["admin"]) is not None:
        argv = [change["program"], "reload", "--adapter", "caddyfile", "--config", change["caddyfile"]]
        argv += ["--address", change["admin"].split("://", 1)[-1].rstrip("/")]
        code, out, err = system.run(argv, _SECONDS, _environment(pid, user), **_as(user))
    elif pid is not None:
        raise Refused("Caddy cannot be told to load its site", f"no admin API at {change['admin']}")
    else:
        return
    if code != 0:
        raise Refused(
            "Caddy did not load the configuration; it goes on with the one before", *_said(err + out)
        )


def _said(text: str) -> tuple[str, tuple[str, ...]]:
    """Caddy's error, and its last lines. Its log lines are JSON; the error is the line that is not."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("Error:", "reload:", "adapt:"))]
    return (errors or lines or ["no output"])[-1], tuple(lines[-8:])


def _kept(path: str) -> tuple[bytes, os.stat_result] | None:
    try:
        with open(path, "rb") as file:
            return file.read(), os.fstat(file.fileno())
    except FileNotFoundError:
        return None


def _put_like(path: str, data: bytes, old: tuple[bytes, os.stat_result] | None) -> None:
    if old is None:
        files.put(path, data, 0o644)
        return
    seen = old[1]
    files.put(path, data, seen.st_mode & 0o7777, system.owner(seen.st_uid), system.group(seen.st_gid))


def _copy(path: str, to: str) -> None:
    """A copy that the same users can read."""
    old = _kept(path)
    if old is not None:
        _put_like(to, old[0], old)


def _config(admin: str) -> str | None:
    """The running configuration as Caddy tells it, or None."""
    try:
        with urllib.request.urlopen(admin.rstrip("/") + "/config/", timeout=2) as answer:
            return str(json.dumps(json.load(answer)))
    except (OSError, ValueError):
        return None


def _pid(caddyfile: str) -> int | None:
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


def _user(pid: int | None) -> pwd.struct_passwd | None:
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


def _environment(pid: int | None, user: pwd.struct_passwd | None) -> dict[str, str]:
    """What the Caddyfile may refer to: the environment of the Caddy that runs."""
    known = {"HOME": user.pw_dir} if user else {}
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            text = file.read().decode(errors="surrogateescape")
    except OSError:
        return known
    return {**known, **dict(line.split("=", 1) for line in text.split("\0") if "=" in line)}


def _as(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Popen's arguments to become Caddy's user; nothing where we may not."""
    if user is None or os.geteuid() != 0 or user.pw_uid == 0:
        return {}
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
