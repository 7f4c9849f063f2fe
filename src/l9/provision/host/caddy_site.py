"""Installs a site in Caddy: validates copies, writes the files, and reloads."""

from __future__ import annotations

import glob
import os
import shlex
import shutil
import tempfile
from typing import Any

from l9.provision.host import caddy, files, system
from l9.provision.host.talk import Refused
from l9.provision.host.undo import Undo

_SECONDS = 60


def validate(change: dict[str, Any]) -> None:
    """Have Caddy validate copies beside the originals. Raises Refused with Caddy's error.

    Runs as Caddy's user, because validating opens the log files; the copy has another path for our log.
    """
    caddyfile, site = os.path.realpath(change["caddyfile"]), change["site"]
    directory = os.path.dirname(caddyfile)
    pid = caddy.process(change["caddyfile"])
    user = caddy.user_of(pid)
    scratch = tempfile.mkdtemp(prefix=".l9-candidate-", dir=directory)
    candidate = scratch + ".candidate"  # a name that no `import *.conf` of the user matches
    try:
        os.chmod(scratch, 0o755)  # noqa: S103  # Caddy's user reads it
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
        code, out, err = system.run(argv, _SECONDS, caddy.environment(pid, user), **caddy.as_user(user))
        if code != 0:
            output = (
                (err + out).replace(candidate, caddyfile).replace(logs, os.path.dirname(change["access_log"]))
            )
            raise _refusal(argv, caddyfile, pid, output.replace(scratch, os.path.dirname(site)))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if os.path.exists(candidate):
            os.unlink(candidate)


def _refusal(argv: list[str], caddyfile: str, pid: int | None, output: str) -> Refused:
    """Return the error: the existing Caddyfile is invalid, or l9's site makes it so."""
    user, already = caddy.user_of(pid), [*argv[:-1], caddyfile]
    broken = system.run(already, _SECONDS, caddy.environment(pid, user), **caddy.as_user(user))[0] != 0
    if broken and os.path.exists(caddyfile):
        message = "the existing Caddyfile is invalid, even without l9's site; nothing was changed"
        return Refused(message, *_error_of(output), remedy=shlex.join(already))
    return Refused("Caddy rejects the Caddyfile with l9's site; nothing was changed", *_error_of(output))


def put_in_place(change: dict[str, Any], undo: Undo) -> None:
    """Write the site and the Caddyfile and load them."""
    wanted = {change["site"]: change["site_text"], change["caddyfile"]: change["caddyfile_text"]}
    for path in wanted:
        files.refuse_changed(path, change["before"][path])
    validate(change)
    os.makedirs(os.path.dirname(change["site"]), mode=0o755, exist_ok=True)
    undo(lambda: reload(change))  # after the files, which are noted later
    for path, text in wanted.items():
        old = _kept(path)
        if old is None or old[0] != _bytes(text):
            undo.file(path)
            _put_like(path, _bytes(text), old)
    reload(change)


def reload(change: dict[str, Any]) -> None:
    """Have the running Caddy load its Caddyfile; do nothing if none runs. Raises Refused."""
    pid = caddy.process(change["caddyfile"])
    user = caddy.user_of(pid)
    if system.has_systemd() and change["caddyfile"] == caddy.UNIT_FILE:
        if system.run(["systemctl", "is-active", "--quiet", "caddy"])[0] != 0:
            return
        code, out, err = system.run(["systemctl", "reload", "caddy"], _SECONDS)
        if code != 0:
            err += system.run(["journalctl", "--unit=caddy", "--lines=10", "--output=cat"])[1]
    elif caddy.running_config(change["admin"]) is not None:
        argv = [change["program"], "reload", "--adapter", "caddyfile", "--config", change["caddyfile"]]
        argv += ["--address", change["admin"].split("://", 1)[-1].rstrip("/")]
        code, out, err = system.run(argv, _SECONDS, caddy.environment(pid, user), **caddy.as_user(user))
    elif pid is not None:
        raise Refused("Caddy cannot be reloaded", f"no admin API at {change['admin']}")
    else:
        return
    if code != 0:
        raise Refused(
            "Caddy did not load the configuration and keeps the previous one", *_error_of(err + out)
        )


def _error_of(text: str) -> tuple[str, tuple[str, ...]]:
    """Return Caddy's error and its last lines. Log lines are JSON; the error line is not."""
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
    status = old[1]
    files.put(path, data, status.st_mode & 0o7777, system.owner(status.st_uid), system.group(status.st_gid))


def _copy(path: str, to: str) -> None:
    """Copy a file with its mode and owner."""
    old = _kept(path)
    if old is not None:
        _put_like(to, old[0], old)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
