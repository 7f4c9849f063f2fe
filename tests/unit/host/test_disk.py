"""A full disk in an action: told as one, and worth the journal's reserve once users are on the release."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from l9.core import actions as do
from l9.core import events as ev
from l9.core.run import Run, begin
from l9.core.states import Kind, Slot
from l9.drivers.files.journal import RESERVE, JournalFile
from l9.drivers.files.lock import LockFile
from l9.errors import ActionError, L9Error
from l9.host.disk import telling_of_the_disk

FULL = OSError(errno.ENOSPC, "No space left on device", "/opt/l9/.l9/route/.green")
SAID_BY_GIT = ActionError(
    "git checkout failed", expected="exit code 0", found="fatal: No space left on device"
)
SWITCH = do.SwitchRoute(to=Slot.GREEN, back=Slot.BLUE)


def a_run(kind: Kind) -> Run:
    started = ev.RunStarted(
        kind=kind, tag="v1", commit="c", tag_object="t", new=Slot.GREEN, old=None, previous=None, who="ada"
    )
    return begin("run-1", 1.0, started)


class Tried:
    """An action that meets these errors, one after the other, and succeeds then."""

    def __init__(self, *errors: Exception, room: int = 1) -> None:
        self.errors, self.room = [*errors], room

    def __call__(self, _run: Run, _action: do.AnyAction) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    def give_room(self) -> bool:
        self.room -= 1
        return self.room >= 0


def performed(tried: Tried, run: Run) -> str:
    return telling_of_the_disk(tried, tried.give_room)(run, SWITCH)


@pytest.mark.parametrize("error", [FULL, SAID_BY_GIT])
def test_a_rollback_gets_the_room_that_is_reserved(error: Exception) -> None:
    assert performed(Tried(error), a_run(Kind.ROLLBACK)) == "done"
    with pytest.raises(ActionError, match="No space left"):
        performed(Tried(error, error), a_run(Kind.ROLLBACK))


def test_a_deploy_gets_it_on_its_way_back_only() -> None:
    deploy = a_run(Kind.DEPLOY)
    with pytest.raises(ActionError, match="a file operation failed on the host") as refused:
        performed(Tried(FULL), deploy)
    assert refused.value.remedy.startswith("df -")
    back = replace(deploy, aborted="unwanted")
    assert back.going_back
    assert performed(Tried(FULL), back) == "done"


@pytest.mark.parametrize(
    ("error", "kind", "remedy"),
    [
        (OSError(errno.EROFS, "Read-only file system", "/opt/x"), ActionError, "findmnt --target /opt"),
        (OSError(errno.EIO, "Input/output error", "/nowhere/x"), ActionError, "df -h /nowhere"),
        (
            OSError(errno.EPERM, "Operation not permitted", "/etc/passwd"),
            ActionError,
            "lsattr -d /etc /etc/passwd",
        ),
        (OSError(errno.EACCES, "Permission denied", "/etc/no such"), ActionError, "ls -ld /etc"),
        (OSError(errno.EISDIR, "Is a directory", "/etc/.x", None, "/etc"), ActionError, "ls -ld / /etc"),
        (OSError(errno.ENOTDIR, "Not a directory", "/nowhere/x/y"), ActionError, "ls -ld /"),
        (OSError(errno.EPERM, "Operation not permitted"), ActionError, "df -h /"),
        (OSError(errno.ENOENT, "No such file or directory", "/opt/x"), FileNotFoundError, None),
        (L9Error("another"), L9Error, ""),
    ],
)
def test_only_the_disk_is_told_as_the_disk(error: Exception, kind: type, remedy: str | None) -> None:
    with pytest.raises(kind) as refused:
        performed(Tried(error), a_run(Kind.ROLLBACK))
    assert getattr(refused.value, "remedy", None) == remedy


def test_the_reserve_is_given_once_and_made_again_by_the_next(tmp_path: Path) -> None:
    make: Callable[[], JournalFile] = lambda: JournalFile(tmp_path / "journal.jsonl", lambda: 1.0)  # noqa: E731
    journal = make()
    journal.repair()
    assert [journal.give_room(), journal.give_room()] == [True, False]
    make().repair()
    assert (tmp_path / "journal.reserve").stat().st_size == RESERVE


def test_a_lock_without_its_note_is_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise FULL

    lock = LockFile(tmp_path / "lock")
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        lock.take("ada", "rollback")
    held = LockFile(tmp_path / "lock").holder()
    assert held is not None
    assert held.what == "an unknown command"
    lock.free()
    assert LockFile(tmp_path / "lock").holder() is None
