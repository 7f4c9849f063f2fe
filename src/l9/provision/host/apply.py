"""Applies the changes in order, proves that the live release still answers, and reports each when it is done."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, Any

from l9.provision.host import agent, caddy_site, route
from l9.provision.host.program import program
from l9.provision.host.steps import STEPS
from l9.provision.host.talk import Refused, say
from l9.provision.host.undo import Undo

Change = dict[str, Any]


def apply(data: dict[str, Any]) -> int:
    """Apply `data["changes"]`; return 0, or 1 after the first failure. Caddy's files are validated first.

    If a release answers before the first change, it has to answer after each, else they are taken back.
    """
    if data.get("checked"):
        return _apply(data)
    with _locked(data["lock"]) as held:
        if not held:
            return 1
        data["live"] = route.live(data["settings"], data["wanted"]) if data["wanted"] else None
        return _apply(data)


@contextlib.contextmanager
def _locked(path: str) -> Iterator[bool]:
    """Hold the run's lock, so that no run begins or goes on meanwhile; False, and reported, if a run holds it.

    A host without the file has had no run. A lock that may not be opened could be held, so that nothing is changed.
    """
    try:
        lock = open(path, "r+b")  # noqa: SIM115  # closed below, after a branch without a file
    except FileNotFoundError:
        yield True
        return
    except OSError as error:
        say(
            type="failed",
            index=0,
            message="the run's lock cannot be taken",
            found=str(error),
            log=[],
            shut=path,
        )
        yield False
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(
                type="failed", index=0, message="a run is in progress", found=_holder(lock), log=[], busy=True
            )
            yield False
            return
        note = {"who": "provisioning", "what": "provision", "since": time.time(), "pid": os.getpid()}
        lock.truncate(0)
        lock.write(json.dumps(note).encode())
        lock.flush()
        try:
            yield True
        finally:
            lock.truncate(0)


def _holder(lock: IO[bytes]) -> str:
    try:
        note = json.loads(lock.read())
        return f"{note['what']} by {note['who']}"
    except (ValueError, KeyError, TypeError):
        return "another command"


def _apply(data: dict[str, Any]) -> int:
    changes: list[Change] = data["changes"]
    if not data.get("checked"):
        for change in changes:
            if change["kind"] == "caddy" and not _as_root(data, [change], "validate"):
                return 1
    for group in _by_privilege(changes):
        if group[0]["root"] and os.geteuid() != 0:
            if not _as_root(data, group, "apply"):
                return 1
        else:
            undo = Undo()  # the groups before were proven, each by itself
            if not all(_perform(change, data, undo) for change in group):
                return 1
    return 0


def validate(data: dict[str, Any]) -> int:
    """Only validate Caddy's configuration; return 0 if Caddy accepts it."""
    for change in data["changes"]:
        failed = _failure(partial(caddy_site.validate, change))
        if failed is not None:
            say(type="failed", index=change["index"], **failed)
            return 1
    return 0


def _by_privilege(changes: list[Change]) -> list[list[Change]]:
    """Group consecutive changes that need the same user."""
    groups: list[list[Change]] = []
    for change in changes:
        if not groups or groups[-1][0]["root"] != change["root"]:
            groups.append([])
        groups[-1].append(change)
    return groups


def _as_root(data: dict[str, Any], changes: list[Change], mode: str) -> bool:
    """Run this program as root for these changes only; it writes its messages to the same output."""
    child = {**data, "mode": mode, "changes": changes, "wheels": _wheels(data, changes), "checked": True}
    if os.geteuid() == 0:
        return (validate(child) if mode == "validate" else apply(child)) == 0
    sys.stdout.flush()
    argv = ["sudo", "-n", sys.executable, "-I", "-"]
    return subprocess.run(argv, input=program(child).encode(), check=False).returncode == 0


def _wheels(data: dict[str, Any], changes: list[Change]) -> dict[str, str]:
    """Return the agent's wheels if one of the changes installs it."""
    return data["wheels"] if any(change["kind"] == "install-agent" for change in changes) else {}


def _perform(change: Change, data: dict[str, Any], undo: Undo) -> bool:
    """Make one change and report it; if it fails, or the live release then does not answer, all is taken back."""
    began, index, before = time.monotonic(), change["index"], data["live"]
    of_change = undo if before else Undo()
    failed = _failure(lambda: _step(change, data, of_change))
    found = route.wrong(before, _asked(data, index)) if before and not failed else None
    if failed is None and found is None:
        say(type="done", index=index, seconds=round(time.monotonic() - began, 3))
        return True
    failed = failed or {
        "message": "the live release does not answer after a change", "found": found, "log": [], "lost": True,
    }  # fmt: skip
    log = [*failed["log"], *of_change.all()]
    if before:
        still = route.wrong(before, before["question"])
        failed.update(expected=before["found"], undone=still is None, still=still)
    say(type="failed", index=index, **{**failed, "log": log})
    return False


def _asked(data: dict[str, Any], index: int) -> route.Question:
    """Return the question that the live release has to answer after this change: a site may move to another name."""
    asked: route.Question = data["live"]["question"] if index < data["moves_at"] else data["wanted"]
    return asked


def _step(change: Change, data: dict[str, Any], undo: Undo) -> None:
    if change["kind"] == "install-agent":
        agent.install(change, data["wheels"])
    else:
        STEPS[change["kind"]](change, undo)


def _failure(act: Callable[[], None]) -> dict[str, Any] | None:
    """Return what to report if `act` fails."""
    try:
        act()
    except Refused as error:
        return {
            "message": error.message,
            "found": error.found,
            "log": list(error.log),
            "remedy": error.remedy,
        }
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        message = "the disk is full" if full else "a change failed on the host"
        return {"message": message, "found": str(error), "log": [], "full": full}
    return None
