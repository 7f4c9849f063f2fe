"""A full, read-only or failing disk: an error of the host's, and not a bug in l9."""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Callable
from pathlib import Path

from l9.core.actions import AnyAction
from l9.core.run import Run
from l9.core.states import Kind
from l9.drivers.files.journal import FULL
from l9.errors import ActionError, L9Error

Perform = Callable[[Run, AnyAction], str]
OF_THE_DISK = (*FULL, errno.EROFS, errno.EIO)


def refused_by_host(error: OSError) -> L9Error:
    """Return the error for a failed file operation, such as a full disk."""
    where = str(Path(error.filename).parent if error.filename else "/")
    look = ("findmnt", "--target", where) if error.errno == errno.EROFS else ("df", _short_of(where), where)
    return ActionError(
        "a file operation failed on the host",
        expected="l9's files, readable and writable",
        found=str(error),
        remedy=shlex.join(look),
    )


def _short_of(where: str) -> str:
    """Return df's option that shows what a full disk lacks: room for files, or for bytes."""
    try:
        return "-i" if os.statvfs(where).f_favail == 0 else "-h"
    except OSError:
        return "-h"


def telling_of_the_disk(perform: Perform, give_room: Callable[[], bool]) -> Perform:
    """Return the same, with errors of the disk as ActionError; any other OSError is a bug.

    On the way back, and once users are on the release, the room that the journal reserves is worth more to the action:
    it is given up, and the action performed again. `give_room` returns False if it is gone already.
    """

    def performed(run: Run, action: AnyAction) -> str:
        try:
            return perform(run, action)
        except (OSError, L9Error) as error:
            if _is_full(error) and _may_take_all(run) and give_room():
                return performed(run, action)
            if isinstance(error, OSError) and error.errno in OF_THE_DISK:
                raise refused_by_host(error) from error
            raise

    return performed


def _is_full(error: OSError | L9Error) -> bool:
    """True if there is no room; other programs say so in words."""
    if isinstance(error, OSError):
        return error.errno in FULL
    return any("No space left on device" in text for text in (error.message, error.found, *error.log))


def _may_take_all(run: Run) -> bool:
    return run.going_back or run.switched or run.kind is Kind.ROLLBACK
