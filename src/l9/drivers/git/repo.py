"""The operator's working copy: observations for the local gates, and the one push."""

from __future__ import annotations

import shlex
import tempfile
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from l9.checks.dependencies.facts import Declared, Locks
from l9.checks.dependencies.locks import LockReport, read_requirements
from l9.checks.environment import example as env_example
from l9.checks.environment.facts import EnvExample, EnvSource
from l9.checks.git.facts import Origin, Signature, Workspace
from l9.checks.paths import matcher
from l9.checks.pipeline.attestation_notes import Attestations
from l9.config.load import FILE
from l9.config.model import Config
from l9.core.facts import Attested, Tag
from l9.drivers.git import commands as git
from l9.drivers.git import notes_commands as git_notes
from l9.drivers.git.environment import reason
from l9.drivers.git.history import GitHistory
from l9.drivers.git.objects.export import export as export_tree
from l9.drivers.git.objects.kept import KeptAnswers
from l9.drivers.git.runner import run, run_checked
from l9.drivers.git.tags import read_tag
from l9.drivers.git.tree import GitTree
from l9.drivers.process.programs import Done
from l9.drivers.signing.tags import signers_on_main
from l9.errors import ActionError, UsageError

COMPOSE_FILES = ("*.yml", "*.yaml", "*.env", ".env*", "env")
MOST_COMPOSE_FILES, LONGEST_COMPOSE_FILE = 100, 200_000  # files, bytes: limits of a plan's request
NO_ATOMIC = "does not support --atomic push"
LONGEST_LOCK = 20_000_000  # bytes: a lock has hashes for every platform's wheels


class GitRepo:
    """One working copy, accessed with the system's git."""

    def __init__(self, top: Path, config: Config) -> None:
        self._top = top
        self._config = self.config = config
        self._trees: dict[str, GitTree] = {}

    @property
    def top(self) -> Path:
        """The top folder of the working copy."""
        return self._top

    @cached_property
    def _kept(self) -> KeptAnswers:
        return KeptAnswers(self.state() / "blobs")

    def tree(self, name: str) -> GitTree:
        """Return the tree of a tag, or of HEAD for an empty name; cached until `forget`."""
        if name not in self._trees:
            self._trees.setdefault(name, GitTree(self._top, git.revision(name), kept=self._kept))
        return self._trees[name]

    def tree_of(self, tree: str) -> GitTree:
        """Return the tree with this id, a cached one if there is one: it may be listed already."""
        return next(
            (k for k in tuple(self._trees.values()) if k.known_id == tree),
            GitTree(self._top, tree, kept=self._kept),
        )

    @cached_property
    def config_path(self) -> str:
        """The path of `l9.toml` in the repository, possibly below its top."""
        return self._git(git.show_prefix()).strip("\n") + FILE

    def blob(self, name: str, path: str) -> str:
        """Return the id of a file's git blob in a tag's tree, or an empty text."""
        entry = self.tree(name).entry(path)
        return entry.object_id if entry is not None and entry.kind == "blob" else ""

    def forget(self) -> None:
        """Clear the caches by name: a tag or HEAD may have moved."""
        self._trees = {}

    @property
    def history(self) -> GitHistory:
        """The history of its commits."""
        return GitHistory(self._top, self._config, self.state())

    @property
    def notes(self) -> Attestations:
        """The attestations of this repository's trees."""
        return Attestations(self._top)

    def attested(self, name: str) -> Attested:
        """Return the attestation that the tag's tree (HEAD's for an empty name) passed CGMP."""
        tree = self.tag(name).tree
        if not self._config.release.allowed_signers:
            own = run(git.read_setting("gpg.ssh.allowedSignersFile", "path"), cwd=self._top)
            allowed = self._top / own.out.strip() if own.code == 0 else None
            return self.notes.judged(name, tree, allowed, f"$EDITOR {FILE}")
        signers = signers_on_main(self._top, self._config)
        if isinstance(signers, Signature):
            return Attested(tree, problem=signers.why, remedy=signers.remedy, unseen=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="l9-signers-") as file:
            file.write(signers)
            file.flush()
            return self.notes.judged(name, tree, Path(file.name), f"$EDITOR {FILE}")

    def workspace(self) -> Workspace:
        return git.parse_status(self._git(git.status()))

    def tags(self) -> tuple[str, ...]:
        """Return the names of all tags, oldest version first."""
        return tuple(self._git(git.list_tags()).split())

    def head(self) -> Tag:
        """Return HEAD as a tag without a name; its commit is empty before the first commit."""
        done = run(git.show_head(), cwd=self._top)
        commit, tree = done.out.split() if done.code == 0 else ("", "")
        return Tag("", commit=commit, tree=tree)

    def tags_at_head(self) -> tuple[str, ...]:
        """Return the names of the tags at HEAD, oldest version first."""
        if not self.head().commit:
            return ()
        return tuple(self._git((*git.list_tags(), "--points-at=HEAD")).split())

    def tag(self, name: str) -> Tag:
        if not name:
            return self.head()
        tag = self._read_tag(name)
        if not tag.commit:
            return tag
        main = self._config.release.main
        mains = (f"refs/heads/{main}", f"refs/remotes/origin/{main}")
        on_main = any(self._run(git.is_ancestor(tag.commit, m)) == 0 for m in mains)
        if not on_main and self._git(("git", "rev-parse", "--is-shallow-repository")).strip() == "true":
            raise ActionError(
                f"cannot determine whether {name} is on {main}",
                expected="a clone with its whole history",
                found="a shallow clone",
                remedy=shlex.join(git.unshallow(main)),
            )
        return replace(tag, on_main=on_main, annotated_at_origin=self._is_annotated_at_origin(tag))

    def _is_annotated_at_origin(self, tag: Tag) -> bool:
        """True if origin has an annotated tag here: CI systems fetch a tag's commit under the tag's name."""
        if tag.kind != "commit":
            return False
        with suppress(ActionError):
            found = git.parse_ls_remote(run(git.ls_remote_tag(tag.name), cwd=self._top).out)
            return found.get(f"refs/tags/{tag.name}^{{}}") == tag.commit
        return False

    def tree_id(self, name: str) -> str:
        """Return the id of a tag's tree, or an empty text if there is no such tag."""
        return self._read_tag(name).tree

    def origin(self, name: str, commit: str) -> Origin:
        url = run(git.remote_url(), cwd=self._top)
        if url.code != 0:
            return Origin(None)
        main = self._config.release.main
        found = git.parse_ls_remote(self._git(git.ls_remote(main, name), timeout=60))
        head = found.get(f"refs/heads/{main}", "")
        has = bool(head) and self._run(git.is_ancestor(commit, head)) == 0
        return Origin(url.out.strip(), found.get(f"refs/tags/{name}"), has)

    def locks(self, name: str) -> Locks:
        """Return the requirements files of the tag's tree, and those they include with `-r`."""
        return self._locks(self.tree(name))

    def _locks(self, tree: GitTree) -> Locks:
        wanted = matcher(self._config.check.requirements)
        todo = [path for path in tree.files if wanted(path)]
        found: dict[str, LockReport] = {}
        while todo:
            read = {p: read_requirements(d.decode(errors="replace")) for p, d in tree.read(todo).items()}
            found |= read
            named = [each for path, report in read.items() for each in report.taken_in(path)]
            todo = [path for path in dict.fromkeys(named) if path not in found]
        return Locks(found)

    def declared(self, name: str) -> Declared:
        """Compare the dependencies that the tag's project files declare with their locks."""
        from l9.checks.dependencies.declared import (  # lazy: a host has no `packaging`
            compare,
            wanted_files,
        )

        tree = self.tree(name)
        locks = self._locks(tree).reports
        texts = tree.read(wanted_files(tree.files, locks), longest=LONGEST_LOCK)
        return compare({path: data.decode(errors="replace") for path, data in texts.items()}, locks)

    def env_example(self, name: str) -> EnvExample:
        return env_example.look(self.tree(name), self._config)

    def env_source(self, name: str) -> EnvSource:
        return env_example.look_at_source(self.tree(name), self._config)

    def read(self, name: str, path: str) -> str | None:
        """Return one file of the tag's tree as text, or None."""
        done = run(git.read_file(name, path), cwd=self._top)
        return done.out if done.code == 0 else None

    def compose_files(self, name: str) -> dict[str, str]:
        """Return compose files and env files of the tag's tree, path to text; empty without a tag."""
        tree = self.tree(name)
        if not tree.objects.resolve(git.revision(name)):
            return {}
        matches = matcher(COMPOSE_FILES)
        wanted = [p for p in tree.files if matches(p.rpartition("/")[2])]
        found = tree.read(wanted[:MOST_COMPOSE_FILES], longest=LONGEST_COMPOSE_FILE)
        return {path: data.decode(errors="replace") for path, data in found.items()}

    def push(self, name: str) -> str:
        main = self._config.release.main
        if run(git.remote_url(), cwd=self._top).code != 0:
            raise ActionError(
                f"main and {name} were not pushed",
                expected="a remote named origin",
                found="none",
                remedy="git remote add origin URL",
            )
        notes = self.notes.refs()
        if notes:
            self.notes.merge_remote()
        done = run(git.push(main, name, *notes), cwd=self._top, timeout=300, hooks=True)
        untouched = "; origin is unchanged"
        if NO_ATOMIC in done.err:
            for argv in git.push_in_turn(main, name, *notes):
                done = run(argv, cwd=self._top, timeout=300, hooks=True)
                if done.code != 0:
                    break
                untouched = f"; origin does not support atomic pushes, and has {main} already"
        if done.code != 0:
            found, remedy = self._refused(done, name)
            raise ActionError(
                f"main and {name} were not pushed{untouched}",
                expected="one push that origin accepts",
                found=found,
                remedy=remedy,
                log=tuple((done.out + done.err).strip().splitlines()[-15:]),
            )
        return f"main{', notes' if notes else ''} and {name} on origin"

    def _refused(self, done: Done, name: str) -> tuple[str, str]:
        """Return the reason why origin refused the push, from its porcelain output, and the command that helps."""
        main = self._config.release.main
        rows = (line.split("\t") for line in done.out.splitlines() if line.startswith("!\t"))
        refused = [(to.partition(":")[2], why) for _, to, why in rows if "atomic push fail" not in why]
        if not refused:
            return reason(done.err), "git ls-remote origin"
        ref, why = refused[0]
        if ref == f"refs/tags/{name}":
            return (
                f"{ref} {why}: origin has a different object under this name",
                f"git ls-remote origin {name}",
            )
        if ref.startswith(git_notes.NOTES):
            allow = "origin must allow pushes to these references for release.require_attestation to work"
            return f"{ref} {why}: {allow}", shlex.join(("git", "push", "origin", ref))
        if why.startswith("[rejected]"):
            # A merge, since a rebase would change the tagged commit's id.
            return f"{ref} {why}: origin is ahead", f"git pull --no-rebase origin {main}"
        return f"{ref} {why}", shlex.join(git.push(main, name))

    def export(self, name: str, into: Path) -> None:
        """Write the tag's own tree as files, independent of the working directory."""
        self.export_revision(git.revision(name), into)

    def export_revision(self, revision: str, into: Path) -> None:
        """Write a commit's or a tree's files, as `export` does for a tag."""
        export_tree(GitTree(self._top, revision), into)

    def state(self) -> Path:
        """l9's state directory of this working copy, inside `.git`."""
        out = self._git(("git", "rev-parse", "--path-format=absolute", "--git-common-dir")).strip()
        return Path(out) / "l9"

    def merged_tags(self) -> tuple[str, ...]:
        """Return the tags reachable from HEAD, oldest version first; none before the first commit."""
        return tuple(self._git(git.merged_tags()).split()) if self.head().commit else ()

    def changed_python(self, old: str, new: str) -> str:
        """Return the diff of two trees' Python files."""
        found = self.tree(new).objects.read(git.changed_python(old, new))
        return found.decode(errors="replace")

    def _read_tag(self, name: str) -> Tag:
        try:
            return read_tag(self._top, name)
        except ActionError as error:
            raise self._explained(error, git.show_tag(name)) from None

    def _git(self, argv: tuple[str, ...], timeout: float = 30) -> str:
        try:
            return run_checked(argv, cwd=self._top, timeout=timeout)
        except ActionError as error:
            raise self._explained(error, argv) from None

    def _explained(self, error: ActionError, argv: tuple[str, ...]) -> ActionError:
        """Return the error with a remedy. Raises UsageError if there is no usable repository."""
        find_top(self._top)
        error.remedy = error.remedy or shlex.join(argv)
        return error

    def _run(self, argv: tuple[str, ...]) -> int:
        return run(argv, cwd=self._top).code


def find_top(start: Path) -> Path:
    """Return the top of the working copy that contains `start`. Raises UsageError if there is none."""
    done = run(("git", "rev-parse", "--show-toplevel"), cwd=start)
    if done.code == 0:
        return Path(done.out.removesuffix("\n"))
    trust = shlex.join(("git", "config", "--global", "--add", "safe.directory", str(start)))
    raise UsageError(
        "not inside a git working copy",
        expected=f"a git working copy at {start}",
        found=reason(done.err),
        remedy=trust if "dubious ownership" in done.err else "git init",
    )
