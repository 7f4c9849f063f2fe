"""What git takes from the environment; imported as a process begins, so that it imports nothing itself."""

from __future__ import annotations

import os

# What a git hook sets for its own repository; whoever works in another one must not inherit it.
CALLERS = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX",
)  # fmt: skip
_forgotten: dict[str, str] = {}


def forget_callers_repository() -> None:
    """From here on git finds the repository by the directory alone."""
    for name in CALLERS:
        if name in os.environ:
            _forgotten[name] = os.environ.pop(name)


def recall_callers_repository() -> None:
    """A hook judges just the repository, and just the index, that it was called for."""
    os.environ.update(_forgotten)


def without_repository() -> dict[str, str]:
    """Our environment for programs that find the repository, if any, by the directory that they run in."""
    return {name: value for name, value in os.environ.items() if name not in CALLERS}


def reason(err: str) -> str:
    """The one line of git's standard error that says why; hints and warnings come before and after it."""
    lines = [line.strip() for line in err.splitlines()]
    said = [x for x in lines if x and not x.lower().startswith(("hint:", "warning:", "from "))]
    return said[0] if said else "no reason given"
