"""The staged content in a separate worktree: as a tree for git, and as files for programs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from l9.drivers.git.environment import reason
from l9.drivers.git.runner import run, run_checked
from l9.drivers.git_hooks import commands as git_hooks
from l9.drivers.git_hooks.files import find_places
from l9.errors import UsageError

NOBODY = {
    f"GIT_{who}_{what}": "l9@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


class Staged(msgspec.Struct, frozen=True):
    """`tree` is the git tree that a commit would have. During the context, HEAD is a commit of this tree
    on top of the real HEAD (`parent`, empty before the first commit), for every git that this process runs.
    `files` is the worktree's own, empty directory.
    """

    tree: str
    commit: str
    parent: str
    files: Path


@contextmanager
def staged(here: Path) -> Iterator[Staged]:
    """Provide the staged content of the repository at `here`, or of the index that a hook was called for.

    The repository, its index and the working directory do not change: git reads through a linked worktree
    that is created by hand, removed afterwards, and unknown to the repository.
    Raises UsageError if the index cannot be committed.
    """
    places = find_places(here)
    head = run(git_hooks.head_and_date(), cwd=here)
    parent, date = head.out.split() if head.code == 0 else ("", "0")
    with tempfile.TemporaryDirectory(prefix="l9-staged-") as name:
        own, files = Path(name, "git"), Path(name, "files")
        for directory in (own / "objects" / "info", files):
            directory.mkdir(parents=True)
        (own / "objects" / "info" / "alternates").write_bytes(os.fsencode(f"{places.objects}\n"))
        (own / "commondir").write_bytes(os.fsencode(f"{places.common}\n"))
        for file in (Path(places.index_file), Path(places.git_dir, "config.worktree")):
            if file.is_file():
                shutil.copyfile(file, own / ("index" if file == Path(places.index_file) else file.name))
        (own / "HEAD").write_text(f"{parent or 'ref: refs/heads/nothing-yet'}\n", encoding="ascii")
        with _environment(
            GIT_DIR=str(own),
            GIT_WORK_TREE=str(files),
            GIT_INDEX_FILE=str(own / "index"),
            GIT_OBJECT_DIRECTORY=str(own / "objects"),
        ):
            done = run(git_hooks.write_tree(), cwd=files)
            if done.code != 0:
                raise UsageError(
                    "the index cannot be committed",
                    expected="an index without conflicts",
                    found=reason(done.err),
                    remedy="git status",
                )
            tree = done.out.strip()
            # The same content gives the same commit id, so that cached results apply the next time.
            when = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"@{date} +0000")
            env = {**NOBODY, **when}
            made = run_checked(git_hooks.commit_tree(tree, parent), cwd=files, env=env, data=b"")
            (own / "HEAD").write_text(made, encoding="ascii")
            yield Staged(tree, made.strip(), parent, files)


@contextmanager
def _environment(**ours: str) -> Iterator[None]:
    """Set these variables for child processes; restore the previous ones at the end."""
    before = {name: os.environ.get(name) for name in (*ours, "GIT_PREFIX", "GIT_COMMON_DIR")}
    os.environ.update(ours)
    for name in ("GIT_PREFIX", "GIT_COMMON_DIR"):
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
