"""What mends itself: by invariant, what `l9 check --fix` does about it.

Such a fix has one outcome only, whoever runs it and whenever; it changes files of the working tree and nothing
else, and commits nothing. What needs a decision, a network or a person's word is no fix, but a remedy to type.
"""

from __future__ import annotations

import shlex
import stat
from collections.abc import Callable
from pathlib import Path

from l9.checks.git.automation import scripts_without_mode
from l9.cli.context import Project
from l9.protocol.answers.check import Fixed

EVERYBODY = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


def make_scripts_executable(here: Project) -> list[Fixed]:
    """The scripts of HEAD that lie here as plain files; a link is left alone, and so is what lies behind one."""
    done = []
    for name in scripts_without_mode(here.repo.tree("")):
        path = here.repo.top / name
        mode = _mode(path)
        if mode is None or mode & EVERYBODY == EVERYBODY or path.resolve() != here.repo.top.resolve() / name:
            continue
        path.chmod(mode | EVERYBODY)
        done.append(Fixed(id="workspace.scripts-executable", did=shlex.join(("chmod", "a+x", "--", name))))
    return done


def _mode(path: Path) -> int | None:
    """The permissions of a plain file, or None where there is none."""
    try:
        found = path.lstat().st_mode
    except OSError:
        return None
    return stat.S_IMODE(found) if stat.S_ISREG(found) else None


FIXES: dict[str, Callable[[Project], list[Fixed]]] = {
    "workspace.scripts-executable": make_scripts_executable,
}
