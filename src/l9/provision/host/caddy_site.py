"""Giving Caddy a site: asked first about copies, put in place, loaded; or all as it was."""

from __future__ import annotations

import glob
import os
import shlex
import shutil
import tempfile
from typing import Any

from l9.provision.host import caddy, files, system
from l9.provision.host.talk import Refused

_SECONDS = 60


def validate(change: dict[str, Any]) -> None:
    """Ask Caddy itself, about copies beside the originals. Raises Refused with what Caddy says.

    It runs as Caddy's own user, because validating opens the log files; ours is named elsewhere for the time.
    """
    caddyfile, site = os.path.realpath(change["caddyfile"]), change["site"]
    directory = os.path.dirname(caddyfile)
    pid = caddy.process(change["caddyfile"])
    user = caddy.user_of(pid)
    scratch = tempfile.mkdtemp(prefix=".l9-candidate-", dir=directory)
    candidate = scratch + ".candidate"  # no name that an `import *.conf` of the user's would take up
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
            said = (
                (err + out).replace(candidate, caddyfile).replace(logs, os.path.dirname(change["access_log"]))
            )
            raise _refusal(argv, caddyfile, pid, said.replace(scratch, os.path.dirname(site)))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if os.path.exists(candidate):
            os.unlink(candidate)


def _refusal(argv: list[str], caddyfile: str, pid: int | None, said: str) -> Refused:
    """Why Caddy refuses: because of what is there already, or because of what l9 adds to it."""
    user, already = caddy.user_of(pid), [*argv[:-1], caddyfile]
    broken = system.run(already, _SECONDS, caddy.environment(pid, user), **caddy.as_user(user))[0] != 0
    if broken and os.path.exists(caddyfile):
        message = "Caddy refuses its Caddyfile even without l9's site; nothing was changed"
        return Refused(message, *_said(said), remedy=shlex.join(already))
    return Refused("Caddy refuses l9's site beside the others; nothing was changed", *_said(said))


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


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
