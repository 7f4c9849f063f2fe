"""The automatic fixes of `l9 check --fix`, by invariant.

A fix is deterministic, changes files of the working tree only, and commits nothing. Whatever needs a decision,
the network or a person's consent is a remedy to type instead.
"""

from __future__ import annotations

import shlex
import stat
from collections.abc import Callable
from pathlib import Path

from l9.checks.git.automation import scripts_without_mode
from l9.cli.context import Project
from l9.protocol.answers.check import Fixed

EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


def make_scripts_executable(here: Project) -> list[Fixed]:
    """Make the scripts of HEAD executable in the working tree. Symbolic links are never followed or changed."""
    done = []
    for name in scripts_without_mode(here.repo.tree("")):
        path = here.repo.top / name
        mode = _mode(path)
        if (
            mode is None
            or mode & EXECUTABLE == EXECUTABLE
            or path.resolve() != here.repo.top.resolve() / name
        ):
            continue
        path.chmod(mode | EXECUTABLE)
        done.append(Fixed(id="workspace.scripts-executable", did=shlex.join(("chmod", "a+x", "--", name))))
    return done


def _mode(path: Path) -> int | None:
    """Return the permissions of a regular file; None for anything else."""
    try:
        found = path.lstat().st_mode
    except OSError:
        return None
    return stat.S_IMODE(found) if stat.S_ISREG(found) else None


FIXES: dict[str, Callable[[Project], list[Fixed]]] = {
    "workspace.scripts-executable": make_scripts_executable,
}
