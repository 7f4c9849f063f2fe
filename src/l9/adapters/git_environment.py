"""What git takes from the environment; imported as a process begins, so that it imports nothing itself."""

from __future__ import annotations

import os

# What a git hook sets for its own repository; whoever works in another one must not inherit it.
CALLERS = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX",
)  # fmt: skip


def forget_callers_repository() -> None:
    """From here on git finds the repository by the directory alone."""
    for name in CALLERS:
        os.environ.pop(name, None)
