"""The host's own clone: the live checkout, and a worktree for each release."""

from __future__ import annotations

import shutil
from dataclasses import replace

from l9.adapters.process import must, run
from l9.commands import git
from l9.core.facts import Tag
from l9.errors import ActionError
from l9.layout import Layout

# Never prompt: a question nobody can answer would hang the run. Never take the caller's repository for ours.
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes", "LC_ALL": "C"}


class GitSource:
    """Implements `Source` over the system's git."""

    def __init__(self, layout: Layout, main: str) -> None:
        self._layout = layout
        self._main = main

    def fetch(self, name: str) -> str:
        done = run(git.fetch(self._main, name), cwd=self._layout.root, env=QUIET, timeout=300)
        if done.code != 0:
            lines = tuple(done.err.strip().splitlines()[-10:])
            raise ActionError(
                f"the host cannot fetch {name} from origin",
                expected=f"main and {name} from origin",
                found=lines[-1] if lines else f"exit code {done.code}",
                remedy=f"ssh HOST git -C {self._layout.root} fetch origin",
                log=lines,
            )
        return f"{name} fetched"

    def tag(self, name: str) -> Tag:
        out = must(git.show_tag(name), cwd=self._layout.root, env=QUIET)
        tag = git.parse_tag(name, out)
        if tag.object_id is None:
            return tag
        main = f"refs/remotes/origin/{self._main}"
        code = run(git.is_ancestor(tag.commit, main), cwd=self._layout.root, env=QUIET).code
        return replace(tag, on_main=code == 0)

    def add_tree(self, name: str) -> str:
        tree, commit = self._layout.tree(name), self.tag(name).commit
        if (tree / ".git").exists():
            here = run(git.head(), cwd=tree, env=QUIET)
            dirty = git.parse_status(run(git.status(), cwd=tree, env=QUIET).out).changed
            if here.out.strip() == commit and not dirty:
                return f"tree of {commit[:12]} is there"
        self._forget_tree(name)
        tree.parent.mkdir(parents=True, exist_ok=True)
        must(git.add_worktree(str(tree), name), cwd=self._layout.root, env=QUIET, timeout=300)
        return f"tree of {commit[:12]}"

    def remove_tree(self, name: str) -> None:
        self._forget_tree(name)
        shutil.rmtree(self._layout.release(name), ignore_errors=True)

    def checkout(self, name: str) -> str:
        must(git.checkout(name), cwd=self._layout.root, env=QUIET, timeout=300)
        return str(self.head())

    def head(self) -> str | None:
        return run(git.head(), cwd=self._layout.root, env=QUIET).out.strip() or None

    def drifted(self) -> tuple[str, ...]:
        seen = git.parse_status(must(git.status(), cwd=self._layout.root, env=QUIET))
        return (*seen.changed, *seen.untracked)

    def _forget_tree(self, name: str) -> None:
        tree = self._layout.tree(name)
        run(git.remove_worktree(str(tree)), cwd=self._layout.root, env=QUIET)
        shutil.rmtree(tree, ignore_errors=True)
        run(git.prune_worktrees(), cwd=self._layout.root, env=QUIET)
