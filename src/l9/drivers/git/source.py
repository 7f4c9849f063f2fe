"""The host's own clone: the live checkout, and each release's tree as files beside it."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from msgspec.structs import replace

from l9.config.layout import Layout
from l9.core.facts import Attested, Tag, TagFile
from l9.drivers.git import commands as git
from l9.drivers.git.environment import reason
from l9.drivers.git.objects.export import export
from l9.drivers.git.runner import run, run_checked
from l9.drivers.git.tags import read_tag
from l9.drivers.git.tree import GitTree
from l9.drivers.process.programs import Done
from l9.errors import ActionError

LOOSE, PACKS = 2, 30  # objects in one folder, about 700 in all; and packs


class GitSource:
    """Implements `Source` over the system's git."""

    def __init__(self, layout: Layout, main: str, allowed_signers: Path) -> None:
        self._layout = layout
        self._main = main
        self._signers = allowed_signers
        # If the directory is not a repository, git must not use one that contains it.
        self._env = {"GIT_CEILING_DIRECTORIES": str(layout.root.parent)}

    def fetch(self, name: str) -> str:
        done = self._run(git.fetch(self._main, name), timeout=300)
        if done.code != 0:
            self._refuse_no_repository()
            raise ActionError(
                f"cannot fetch {name} from origin on the host",
                expected=f"main and {name} from origin",
                found=reason(done.err) if done.err.strip() else f"exit code {done.code}",
                remedy=shlex.join(("git", "-C", str(self._layout.root), "fetch", "origin")),
                log=tuple(done.err.strip().splitlines()[-10:]),
            )
        return f"{name} fetched"

    def tidy(self) -> None:
        objects = self._layout.root / ".git" / "objects"
        # One of 256 folders tells how many objects are loose, as for git itself.
        loose = sum(1 for _ in (objects / "17").glob("*"))
        if loose > LOOSE or sum(1 for _ in (objects / "pack").glob("*.pack")) > PACKS:
            for argv in (git.repack(), git.pack_references()):
                self._checked(argv, timeout=600)

    def tag(self, name: str) -> Tag:
        try:
            tag = read_tag(self._layout.root, name, self._env)
        except ActionError as error:
            raise self._explained(error, git.show_tag(name)) from None
        if not tag.commit:
            return tag
        main = f"refs/remotes/origin/{self._main}"
        return replace(tag, on_main=self._run(git.is_ancestor(tag.commit, main)).code == 0)

    def attested(self, name: str) -> Attested:
        from l9.checks.pipeline.attestation_notes import Attestations  # a rollback asks for none

        notes = Attestations(self._layout.root, self._env)
        return notes.judged(name, self.tag(name).tree, self._signers, "l9 provision")

    def file(self, name: str, path: str) -> TagFile | None:
        tree = self._tree(name)
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
        tree = self._tree(name)
        written = export(tree, self._layout.tree(name))
        return f"tree {tree.id[:12]}, {written} of {len(tree.entries)} files written"

    def repair_tree(self, name: str) -> None:
        export(self._tree(name), self._layout.tree(name), keep_others=True)

    def remove_tree(self, name: str) -> None:
        shutil.rmtree(self._layout.release(name), ignore_errors=True)

    def checkout(self, name: str) -> str:
        self._checked(git.checkout(name), timeout=300)
        return str(self.head())

    def head(self) -> str | None:
        return self._run(git.head()).out.strip() or None

    def edited(self) -> tuple[str, ...]:
        return git.parse_status(self._checked(git.status())).changed

    def drifted(self) -> tuple[str, ...]:
        seen = git.parse_status(self._checked(git.status()))
        return (*seen.changed, *seen.untracked)

    def _tree(self, name: str) -> GitTree:
        return GitTree(self._layout.root, git.revision(name), self._env)

    def _run(self, argv: git.Argv, timeout: float = 60.0) -> Done:
        return run(argv, cwd=self._layout.root, env=self._env, timeout=timeout)

    def _checked(self, argv: git.Argv, timeout: float = 60.0) -> str:
        try:
            return run_checked(argv, cwd=self._layout.root, env=self._env, timeout=timeout)
        except ActionError as error:
            raise self._explained(error, argv) from None

    def _explained(self, error: ActionError, argv: git.Argv) -> ActionError:
        """Return the error with a remedy. Raises ActionError if there is no repository at all."""
        self._refuse_no_repository()
        error.remedy = error.remedy or shlex.join(("git", "-C", str(self._layout.root), *argv[1:]))
        return error

    def _refuse_no_repository(self) -> None:
        if not (self._layout.root / ".git").exists():
            raise ActionError(
                f"{self._layout.root} is not a git repository",
                expected="the host's clone of origin",
                found="no .git in it",
                remedy="l9 provision",
            )
