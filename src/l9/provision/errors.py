"""Errors of provisioning a host, and the one that a failed change becomes."""

from __future__ import annotations

import shlex
from typing import Any

from l9.configuration import FILE
from l9.drivers.ssh import client as ssh
from l9.errors import GateClosed, L9Error, UsageError
from l9.provision.changes import CaddySite, Change
from l9.provision.wanted import Wanted


class HostUnfit(UsageError):
    """The host does not meet the requirements of l9."""

    code = "HOST_UNFIT"


class ChangeRefused(GateClosed):
    """The host, or Caddy on it, rejected a change; nothing was changed."""

    code = "CHANGE_REFUSED"


class ChangeUndone(L9Error):
    """The live release did not answer after a change, or a later change failed: all was taken back, and it answers."""

    code = "CHANGE_UNDONE"
    exit_code = 4


class LiveReleaseLost(L9Error):
    """The live release did not answer after a change, and does not answer although the change was taken back."""

    code = "LIVE_RELEASE_LOST"
    exit_code = 5
    changed = True


class HalfProvisioned(L9Error):
    """Some changes were made and one failed: inspect the host, then run `l9 provision` again."""

    code = "HALF_PROVISIONED"
    exit_code = 5
    changed = True


def failed(wanted: Wanted, changes: tuple[Change, ...], failure: dict[str, Any], done: list[int]) -> L9Error:
    """Return the error for the host's report of a failed change; `done` are the changes before it.

    lost: the change was made, and the live release did not answer. undone: a release was live, and answers after all
    was taken back; False if it does not.
    """
    change, lost = changes[failure["index"]], failure.get("lost", False)
    log, remedy = tuple(failure["log"]), _remedy(wanted, change, failure)
    if failure.get("undone") is False:
        return LiveReleaseLost(
            "the live release does not answer, although the changes were taken back",
            expected=failure["expected"],
            found=failure["still"],
            remedy="l9 status",
            log=(f"{change.title()}: {failure['message']}: {failure['found']}", *log),
        )
    if failure.get("undone") and (lost or done):
        return ChangeUndone(
            f"{failure['message']}; all was taken back",
            expected=failure["expected"] if lost else change.title(),
            found=failure["found"],
            remedy=remedy,
            log=(change.title(), *log) if lost else log,
        )
    kind = HalfProvisioned if done else ChangeRefused
    return kind(failure["message"], expected=change.title(), found=failure["found"], remedy=remedy, log=log)


def _remedy(wanted: Wanted, change: Change, failure: dict[str, Any]) -> str:
    target, path = wanted.config.target, shlex.quote(wanted.path)
    if failure.get("busy"):
        return "l9 status"
    if failure.get("shut"):
        lock = shlex.quote(str(wanted.layout.lock))
        return ssh.by_hand(target, f'sudo chown "$(id -u)" {lock}')
    if failure.get("full"):
        return ssh.by_hand(target, f"df -h {path}")
    if failure.get("remedy"):
        return ssh.by_hand(target, failure["remedy"])
    if isinstance(change, CaddySite) or failure.get("lost"):
        return f"$EDITOR {FILE}"  # route.site, most likely
    return ssh.by_hand(target, f"ls -la {path}")
