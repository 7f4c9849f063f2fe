"""git's environment variables. Imported when a process starts, so that it imports nothing itself."""

from __future__ import annotations

import os

# Set by a git hook for its own repository; commands in another repository must not inherit these.
CALLERS = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX",
)  # fmt: skip
_forgotten: dict[str, str] = {}


def forget_callers_repository() -> None:
    """Remove these variables: from now on git finds the repository by the directory alone."""
    for name in CALLERS:
        if name in os.environ:
            _forgotten[name] = os.environ.pop(name)


def recall_callers_repository() -> None:
    """Restore these variables: a hook judges the repository and the index that it was called for."""
    os.environ.update(_forgotten)


def without_repository() -> dict[str, str]:
    """Return the environment without these variables, for programs that find a repository by their directory."""
    return {name: value for name, value in os.environ.items() if name not in CALLERS}


def reason(err: str) -> str:
    """Return the line of git's standard error with the reason, without hints and warnings."""
    lines = [line.strip() for line in err.splitlines()]
    reasons = [x for x in lines if x and not x.lower().startswith(("hint:", "warning:", "from "))]
    return reasons[0] if reasons else "no reason given"
