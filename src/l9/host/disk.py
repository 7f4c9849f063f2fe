"""A full, read-only or failing disk: an error of the host's, and not a bug in l9."""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Callable
from pathlib import Path

from l9.core.actions import AnyAction
from l9.core.run import Run
from l9.errors import ActionError, L9Error

Perform = Callable[[Run, AnyAction], str]
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


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


def telling_of_the_disk(perform: Perform) -> Perform:
    """Return the same, with errors of the disk as ActionError; any other OSError is a bug."""

    def performed(run: Run, action: AnyAction) -> str:
        try:
            return perform(run, action)
        except OSError as error:
            if error.errno in OF_THE_DISK:
                raise refused_by_host(error) from error
            raise

    return performed
