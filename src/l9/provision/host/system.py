"""The host's programs and people: what is installed, who we are, and how root is had."""

from __future__ import annotations

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
    """Where a program is, also where an ordinary user's PATH does not look."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":" + PATH)


def run(
    argv: list[str], timeout: float = 60, env: dict[str, str] | None = None, **how: Any
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error.

    127 for no such program, 126 for one that is not for us, 124 for one that takes longer than `timeout` seconds.
    """
    how.setdefault("stdin", subprocess.DEVNULL)
    if "input" in how:
        del how["stdin"]
    known = {**os.environ, "PATH": os.environ.get("PATH", "") + ":" + PATH, **(env or {})}
    try:
        done = subprocess.run(argv, capture_output=True, timeout=timeout, env=known, check=False, **how)
    except FileNotFoundError:
        return 127, "", f"no program {argv[0]}"
    except PermissionError:
        return 126, "", f"{argv[0]} may not be run"
    except subprocess.TimeoutExpired:
        return 124, "", f"no end within {timeout:g} s"
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def me() -> dict[str, Any]:
    """The user that we are, and the name of the first group."""
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
    """Whether root is to be had without a password."""
    return os.geteuid() == 0 or run(["sudo", "-n", "true"], timeout=10)[0] == 0


def release() -> dict[str, str]:
    """The distribution, from /etc/os-release: id, version and name."""
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
    """The Python that the agent can run on: this one, or a newer one beside it."""
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
    """Versions of the engine and of compose; `problem` says why the engine does not answer us."""
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
    """Whether systemd is the running init, as sd_booted(3) has it."""
    return os.path.isdir("/run/systemd/system")


def has_cron() -> bool:
    return bool(find("cron") or find("crond"))


def reaches(url: str) -> dict[str, Any]:
    """Whether the host can read a repository with what it has."""
    if not find("git"):
        return {"reachable": None, "said": "git is not installed"}
    code, _, err = run(["git", "ls-remote", "--", url, "HEAD"], timeout=30, env=QUIET, cwd="/")
    lines = [line for line in err.strip().splitlines() if line.strip()]
    # git's last line is advice; what its transport said is before it.
    told = [line for line in lines if not re.match(r"(Please make sure|and the repository exists)", line)]
    return {"reachable": code == 0, "said": told[0] if told and code else ""}
