"""The operator's working copy: what the local gates look at, and the one push."""

from __future__ import annotations

import shlex
import tempfile
from contextlib import suppress
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from l9.checks.dependencies.facts import Declared, Locks
from l9.checks.dependencies.locks import LockReport, read_requirements
from l9.checks.environment import example as env_example
from l9.checks.environment.facts import EnvExample, EnvSource
from l9.checks.git.facts import Origin, Signature, Workspace
from l9.checks.pipeline.attestation_notes import Attestations
from l9.config.load import FILE
from l9.config.model import Config
from l9.core.facts import Attested, Tag
from l9.drivers.git import commands as git
from l9.drivers.git import notes_commands as git_notes
from l9.drivers.git.environment import reason
from l9.drivers.git.history import GitHistory
from l9.drivers.git.objects.export import export as export_tree
from l9.drivers.git.runner import run, run_checked
from l9.drivers.git.tags import read_tag
from l9.drivers.git.tree import GitTree
from l9.drivers.process.programs import Done
from l9.drivers.signing.tags import signers_on_main
from l9.errors import ActionError, UsageError

COMPOSE_FILES = ("*.yml", "*.yaml", "*.env", ".env*", "env")
MOST_COMPOSE_FILES, LONGEST_COMPOSE_FILE = 100, 200_000  # files, bytes: what a plan sends to the host
NO_ATOMIC = "does not support --atomic push"
LONGEST_LOCK = 20_000_000  # bytes: a lock names every wheel of every platform


class GitRepo:
    """One working copy, through the system's git."""

    def __init__(self, top: Path, config: Config) -> None:
        self._top = top
        self._config = self.config = config
        self._trees: dict[str, GitTree] = {}

    @property
    def top(self) -> Path:
        """The working copy's own folder."""
        return self._top

    def tree(self, name: str) -> GitTree:
        """The files of a tag, or of HEAD where the name is empty: as they are since the last `forget`."""
        return self._trees.setdefault(name, GitTree(self._top, git.revision(name)))

    @cached_property
    def config_path(self) -> str:
        """The path of `l9.toml` in the repository, which may lie below its top."""
        return self._git(git.show_prefix()).strip("\n") + FILE

    def blob(self, name: str, path: str) -> str:
        """The id of a file's git blob in a tag's tree; empty where there is no such file."""
        entry = self.tree(name).entries.get(path)
        return entry.object_id if entry is not None and entry.kind == "blob" else ""

    def forget(self) -> None:
        """Forget what the names stood for: a tag or HEAD may have moved."""
        self._trees = {}

    @property
    def history(self) -> GitHistory:
        """What its commits have behind them."""
        return GitHistory(self._top, self._config, self.state())

    @property
    def notes(self) -> Attestations:
        """What is known of this repository's trees."""
        return Attestations(self._top)

    def attested(self, name: str) -> Attested:
        """Who attested that the tag's tree (HEAD's, where the name is empty) passed CGMP."""
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
        """The names of all tags, oldest version first."""
        return tuple(self._git(git.list_tags()).split())

    def head(self) -> Tag:
        """HEAD as the tag that does not exist yet, without a name; no commit before the first one."""
        done = run(git.show_head(), cwd=self._top)
        commit, tree = done.out.split() if done.code == 0 else ("", "")
        return Tag("", commit=commit, tree=tree)

    def tags_at_head(self) -> tuple[str, ...]:
        """The names of the tags that HEAD carries, oldest version first."""
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
                f"whether {name} is on {main} cannot be seen",
                expected="a clone with its whole history",
                found="a shallow clone",
                remedy=shlex.join(git.unshallow(main)),
            )
        return replace(tag, on_main=on_main, annotated_at_origin=self._is_annotated_at_origin(tag))

    def _is_annotated_at_origin(self, tag: Tag) -> bool:
        """CI systems fetch a tag's commit under the tag's name. Origin is asked only about a lightweight tag."""
        if tag.kind != "commit":
            return False
        with suppress(ActionError):
            found = git.parse_ls_remote(run(git.ls_remote_tag(tag.name), cwd=self._top).out)
            return found.get(f"refs/tags/{tag.name}^{{}}") == tag.commit
        return False

    def tree_id(self, name: str) -> str:
        """The tree of a tag; empty where there is no such tag. Nothing else of it is looked at."""
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
        """The requirements files of the tag's tree, and those that they take in with `-r`."""
        return self._locks(self.tree(name))

    def _locks(self, tree: GitTree) -> Locks:
        wanted = self._config.check.requirements
        todo = [path for path in tree.files if any(fnmatch(path, w) for w in wanted)]
        found: dict[str, LockReport] = {}
        while todo:
            read = {p: read_requirements(d.decode(errors="replace")) for p, d in tree.read(todo).items()}
            found |= read
            named = [each for path, report in read.items() for each in report.taken_in(path)]
            todo = [path for path in dict.fromkeys(named) if path not in found]
        return Locks(found)

    def declared(self, name: str) -> Declared:
        """What the project files of the tag's tree declare, compared with their locks."""
        from l9.checks.dependencies.declared import (  # not on the host: it has no `packaging`
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
        """One file of the tag's tree as text, or None where there is none."""
        done = run(git.read_file(name, path), cwd=self._top)
        return done.out if done.code == 0 else None

    def compose_files(self, name: str) -> dict[str, str]:
        """What compose may read in the tag's tree (its own files and env files), path to text; empty for no tag."""
        tree = self.tree(name)
        if not tree.objects.resolve(git.revision(name)):
            return {}
        wanted = [p for p in tree.files if any(fnmatch(Path(p).name, w) for w in COMPOSE_FILES)]
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
        untouched = "; origin is as it was"
        if NO_ATOMIC in done.err:
            for argv in git.push_in_turn(main, name, *notes):
                done = run(argv, cwd=self._top, timeout=300, hooks=True)
                if done.code != 0:
                    break
                untouched = f"; origin takes no atomic push, and has {main} already"
        if done.code != 0:
            found, remedy = self._refused(done, name)
            raise ActionError(
                f"main and {name} were not pushed{untouched}",
                expected="origin to take all in one push",
                found=found,
                remedy=remedy,
                log=tuple((done.out + done.err).strip().splitlines()[-15:]),
            )
        return f"main{', notes' if notes else ''} and {name} on origin"

    def _refused(self, done: Done, name: str) -> tuple[str, str]:
        """Why origin did not take the push, from its porcelain, and the command that mends it."""
        main = self._config.release.main
        rows = (line.split("\t") for line in done.out.splitlines() if line.startswith("!\t"))
        refused = [(to.partition(":")[2], why) for _, to, why in rows if "atomic push fail" not in why]
        if not refused:
            return reason(done.err), "git ls-remote origin"
        ref, why = refused[0]
        if ref == f"refs/tags/{name}":
            return f"{ref} {why}: origin has another object under this name", f"git ls-remote origin {name}"
        if ref.startswith(git_notes.NOTES):
            allow = (
                "origin's rules have to allow these references, or release.require_attestation is of no use"
            )
            return f"{ref} {why}: {allow}", shlex.join(("git", "push", "origin", ref))
        if why.startswith("[rejected]"):
            # A merge and no rebase: that would give the tagged commit another name.
            return f"{ref} {why}: origin is ahead", f"git pull --no-rebase origin {main}"
        return f"{ref} {why}", shlex.join(git.push(main, name))

    def export(self, name: str, into: Path) -> None:
        """The tag's own tree, as files; nothing of what lies in the working directory."""
        self.export_revision(git.revision(name), into)

    def export_revision(self, revision: str, into: Path) -> None:
        """As `export`, of a commit or of a tree that no tag names."""
        export_tree(GitTree(self._top, revision), into)

    def state(self) -> Path:
        """l9's own directory of this working copy, inside `.git`."""
        out = self._git(("git", "rev-parse", "--path-format=absolute", "--git-common-dir")).strip()
        return Path(out) / "l9"

    def merged_tags(self) -> tuple[str, ...]:
        """The names of the tags that HEAD comes after, oldest version first; none before the first commit."""
        return tuple(self._git(git.merged_tags()).split()) if self.head().commit else ()

    def changed_python(self, old: str, new: str) -> str:
        """The Python lines that changed between two trees, as a diff."""
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
        """The error with what to type; where the repository itself is what is wrong, that is raised instead."""
        find_top(self._top)
        error.remedy = error.remedy or shlex.join(argv)
        return error

    def _run(self, argv: tuple[str, ...]) -> int:
        return run(argv, cwd=self._top).code


def find_top(start: Path) -> Path:
    """The top of the working copy that `start` lies in. Raises UsageError where there is none."""
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
