"""The host's own clone: the live checkout, and a worktree for each release."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from msgspec.structs import replace

from l9.checks.pipeline.attestation_notes import Attestations
from l9.config.layout import Layout
from l9.core.facts import Attested, Tag, TagFile
from l9.drivers.git import commands as git
from l9.drivers.git.environment import QUIET, reason
from l9.drivers.git.tree import GitTree
from l9.drivers.process.programs import Done, run, run_checked
from l9.errors import ActionError

__all__ = ["QUIET", "GitSource", "reason"]


class GitSource:
    """Implements `Source` over the system's git."""

    def __init__(self, layout: Layout, main: str, allowed_signers: Path) -> None:
        self._layout = layout
        self._main = main
        self._signers = allowed_signers
        # Where the directory is no repository, one that it lies in must not be taken for it.
        self._env = {**QUIET, "GIT_CEILING_DIRECTORIES": str(layout.root.parent)}

    def fetch(self, name: str) -> str:
        done = self._run(git.fetch(self._main, name), timeout=300)
        if done.code != 0:
            self._refuse_no_repository()
            raise ActionError(
                f"the host cannot fetch {name} from origin",
                expected=f"main and {name} from origin",
                found=reason(done.err) if done.err.strip() else f"exit code {done.code}",
                remedy=shlex.join(("git", "-C", str(self._layout.root), "fetch", "origin")),
                log=tuple(done.err.strip().splitlines()[-10:]),
            )
        return f"{name} fetched"

    def tag(self, name: str) -> Tag:
        tag = git.parse_tag(name, self._must(git.show_tag(name)))
        if tag.object_id is None:
            return tag
        main = f"refs/remotes/origin/{self._main}"
        return replace(tag, on_main=self._run(git.is_ancestor(tag.commit, main)).code == 0)

    def attested(self, name: str) -> Attested:
        notes = Attestations(self._layout.root, self._env)
        return notes.judged(name, self.tag(name).tree, self._signers, "l9 provision")

    def file(self, name: str, path: str) -> TagFile | None:
        tree = GitTree(self._layout.root, f"refs/tags/{name}^{{commit}}")
        data = tree.read((path,)).get(path)
        if data is None:
            return None
        try:
            return TagFile(tree.entries[path].object_id, data.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ActionError(
                f"{path} of {name} cannot be read", expected="UTF-8 text", found=f"byte {error.start}"
            ) from None

    def add_tree(self, name: str) -> str:
        tree, commit = self._layout.tree(name), self.tag(name).commit
        if (tree / ".git").exists():
            here = run(git.head(), cwd=tree, env=QUIET)
            dirty = git.parse_status(run(git.status(), cwd=tree, env=QUIET).out).changed
            if here.out.strip() == commit and not dirty:
                return f"tree of {commit[:12]} is there"
        self._forget_tree(name)
        tree.parent.mkdir(parents=True, exist_ok=True)
        self._must(git.add_worktree(str(tree), name), timeout=300)
        return f"tree of {commit[:12]}"

    def remove_tree(self, name: str) -> None:
        self._forget_tree(name)
        shutil.rmtree(self._layout.release(name), ignore_errors=True)

    def checkout(self, name: str) -> str:
        self._must(git.checkout(name), timeout=300)
        return str(self.head())

    def head(self) -> str | None:
        return self._run(git.head()).out.strip() or None

    def edited(self) -> tuple[str, ...]:
        return git.parse_status(self._must(git.status())).changed

    def drifted(self) -> tuple[str, ...]:
        seen = git.parse_status(self._must(git.status()))
        return (*seen.changed, *seen.untracked)

    def _forget_tree(self, name: str) -> None:
        tree = self._layout.tree(name)
        self._run(git.remove_worktree(str(tree)))
        shutil.rmtree(tree, ignore_errors=True)
        self._run(git.prune_worktrees())

    def _run(self, argv: git.Argv, timeout: float = 60.0) -> Done:
        return run(argv, cwd=self._layout.root, env=self._env, timeout=timeout)

    def _must(self, argv: git.Argv, timeout: float = 60.0) -> str:
        try:
            return run_checked(argv, cwd=self._layout.root, env=self._env, timeout=timeout)
        except ActionError as error:
            self._refuse_no_repository()
            error.remedy = error.remedy or shlex.join(("git", "-C", str(self._layout.root), *argv[1:]))
            raise

    def _refuse_no_repository(self) -> None:
        if not (self._layout.root / ".git").exists():
            raise ActionError(
                f"{self._layout.root} is no git repository",
                expected="the host's clone of origin",
                found="no .git in it",
                remedy="l9 provision",
            )
