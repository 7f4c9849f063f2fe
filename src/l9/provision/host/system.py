"""Inspects the host's system: installed programs, users, and access to root."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import platform
import pwd
import re
import shutil
import subprocess
import sys
from typing import Any

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NEEDED = (3, 11)
NEWER = tuple(f"python3.{minor}" for minor in (11, 12, 13, 14, 15))
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes", "LC_ALL": "C.UTF-8"}


def find(name: str) -> str | None:
    """Return the path of a program; also searches directories that an ordinary user's PATH lacks."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":" + PATH)


def run(
    argv: list[str], timeout: float = 60, env: dict[str, str] | None = None, **how: Any
) -> tuple[int, str, str]:
    """Run a program; return its exit code, standard output and standard error.

    The code is 127 if it is not found, 126 if permission is denied, 124 if it runs longer than `timeout` seconds.
    """
    how.setdefault("stdin", subprocess.DEVNULL)
    if "input" in how:
        del how["stdin"]
    known = {**os.environ, "PATH": os.environ.get("PATH", "") + ":" + PATH, **(env or {})}
    try:
        done = subprocess.run(argv, capture_output=True, timeout=timeout, env=known, check=False, **how)
    except FileNotFoundError:
        return 127, "", f"{argv[0]}: not found"
    except PermissionError:
        return 126, "", f"{argv[0]}: permission denied"
    except subprocess.TimeoutExpired:
        return 124, "", f"{argv[0]}: timed out after {timeout:g} s"
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def me() -> dict[str, Any]:
    """Return the current user and the name of their primary group."""
    user = pwd.getpwuid(os.geteuid())
    return {"user": user.pw_name, "uid": user.pw_uid, "group": group(user.pw_gid), "home": user.pw_dir}


def group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def sudo() -> bool:
    """True if we are root or have passwordless sudo."""
    return os.geteuid() == 0 or run(["sudo", "-n", "true"], timeout=10)[0] == 0


def release() -> dict[str, str]:
    """Return the distribution's id, version and name, from /etc/os-release."""
    known: dict[str, str] = {}
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            for line in file:
                key, _, value = line.strip().partition("=")
                known[key] = value.strip("\"'")
    except OSError:
        pass
    return {
        "id": known.get("ID", ""),
        "version": known.get("VERSION_ID", ""),
        "name": known.get("PRETTY_NAME", "an unknown system"),
    }


def python() -> dict[str, Any]:
    """Return the Python for the agent: this one, or a newer one if this one is too old."""
    here = _describe(sys.executable)
    if tuple(here["version"]) >= NEEDED:
        return here
    for name in NEWER:
        path = find(name)
        if path:
            code, out, _ = run([path, "-I", "-c", _ASK], timeout=10)
            if code == 0:
                return dict(json.loads(out))
    return here


_ASK = """
import json, os, platform, sys
print(json.dumps({"version": list(sys.version_info[:3]), "executable": os.path.realpath(sys.executable),
    "tag": "cp%d%d" % sys.version_info[:2], "machine": platform.machine(),
    "system": platform.system().lower(), "libc": list(platform.libc_ver())}))
"""


def _describe(executable: str) -> dict[str, Any]:
    return {
        "version": list(sys.version_info[:3]),
        "executable": os.path.realpath(executable),
        "tag": f"cp{sys.version_info[0]}{sys.version_info[1]}",
        "machine": platform.machine(),
        "system": platform.system().lower(),
        "libc": list(platform.libc_ver()),
    }


def docker() -> dict[str, str]:
    """Return the versions of the engine and of compose; `problem` is why the engine does not answer."""
    if not find("docker"):
        return {"engine": "", "compose": "", "problem": "not installed"}
    code, out, err = run(["docker", "version", "--format", "{{.Server.Version}}"], timeout=20)
    compose_code, compose, _ = run(["docker", "compose", "version", "--short"], timeout=20)
    lines = (err or out).strip().splitlines()
    return {
        "engine": out.strip() if code == 0 else "",
        "compose": compose.strip() if compose_code == 0 else "",
        "problem": "" if code == 0 else (lines[-1] if lines else f"exit code {code}"),
    }


def has_systemd() -> bool:
    """True if systemd is the running init (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def has_cron() -> bool:
    return bool(find("cron") or find("crond"))


def reaches(url: str) -> dict[str, Any]:
    """Test if the host can read a repository with its current credentials."""
    if not find("git"):
        return {"reachable": None, "said": "git is not installed"}
    code, _, err = run(["git", "ls-remote", "--", url, "HEAD"], timeout=30, env=QUIET, cwd="/")
    lines = [line for line in err.strip().splitlines() if line.strip()]
    # git's last lines are advice; the transport's error is before them.
    errors = [line for line in lines if not re.match(r"(Please make sure|and the repository exists)", line)]
    return {"reachable": code == 0, "said": errors[0] if errors and code else ""}


def listening() -> dict[str, str]:
    """Return the TCP ports that are listened on, each with its program's name; empty if that may not be seen."""
    inodes: dict[str, str] = {}
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"/proc/net/{table}", encoding="ascii") as file:
            for line in file.read().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A":  # TCP_LISTEN
                    inodes[f"socket:[{fields[9]}]"] = str(int(fields[1].rsplit(":", 1)[1], 16))
    found = dict.fromkeys(inodes.values(), "")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    port = inodes.get(os.readlink(f"/proc/{pid}/fd/{fd}"))
                    if port is not None:
                        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                            found[port] = file.read().strip()
    return found
