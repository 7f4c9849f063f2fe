"""A full, read-only or failing disk, and files that may not be written: errors of the host's, no bugs in l9."""

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
NOT_ALLOWED = (errno.EPERM, errno.EACCES, errno.EISDIR, errno.ENOTDIR)
OF_THE_HOST = (*FULL, errno.EROFS, errno.EIO, *NOT_ALLOWED)


def refused_by_host(error: OSError) -> L9Error:
    """Return the error for a failed file operation, such as a full disk, with the command that shows why it failed."""
    path = error.filename2 or error.filename  # of a rename, where to
    where = str(Path(path).parent if path else "/")
    if error.errno == errno.EROFS:
        look: tuple[str, ...] = ("findmnt", "--target", where)
    elif error.errno in NOT_ALLOWED and path:
        # An immutable file is refused with EPERM, to root as well.
        program = "lsattr" if error.errno == errno.EPERM else "ls"
        there = [str(one) for one in (where, path) if os.path.lexists(one)]
        look = (program, "-d" if program == "lsattr" else "-ld", *(there or ("/",)))
    else:
        look = ("df", _short_of(where), where)
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
    """Return the same, with errors of the host's files as ActionError; any other OSError is a bug.

    On the way back, and once users are on the release, the room that the journal reserves is worth more to the action:
    it is given up, and the action performed again. `give_room` returns False if it is gone already.
    """

    def performed(run: Run, action: AnyAction) -> str:
        try:
            return perform(run, action)
        except (OSError, L9Error) as error:
            if _is_full(error) and _may_take_all(run) and give_room():
                return performed(run, action)
            if isinstance(error, OSError) and error.errno in OF_THE_HOST:
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
