"""Observes the changes of a push: from object ids to the facts that `checks/git/protection.py` judges."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from shlex import quote

from msgspec.structs import replace

from l9.checks.git.protection import BRANCHES, TAGS, MainCommit, Policy, PushedTag, Update, governed
from l9.drivers.git.commands import is_ancestor
from l9.drivers.git.environment import reason
from l9.drivers.git.objects.store import Objects
from l9.drivers.git.runner import run
from l9.drivers.git_hooks import push_commands as git
from l9.drivers.process.programs import Done
from l9.drivers.signing.tags import verify
from l9.errors import ActionError

_USAGE = 129  # git's exit code for what it does not know


class GitPush:
    """The objects of a push, read from the repository at `here` (or the one that a hook was called for).

    mains: references that a tag's commit may be reachable from; a main in the same push counts first.
    published: references whose commits are already on a main. allowed_signers: the allowed SSH signers; None
    uses the user's own git configuration.
    """

    def __init__(
        self,
        here: Path,
        policy: Policy,
        *,
        mains: tuple[str, ...],
        published: tuple[str, ...] = (),
        allowed_signers: Path | None = None,
    ) -> None:
        self._here = here
        self._policy = policy
        self._mains = mains
        self._published = published
        self._signers = allowed_signers

    def look(self, changes: Iterable[git.RefChange]) -> tuple[Update, ...]:
        """Return every change with the facts that its rules need."""
        changes = tuple(changes)
        pushed = [c.new for c in changes if c.ref == BRANCHES + self._policy.main and c.new]
        mains = (*pushed, *(found for name in self._mains if (found := self._id(name))))
        return tuple(self._look(change, mains) for change in changes)

    def _look(self, change: git.RefChange, mains: tuple[str, ...]) -> Update:
        bare = Update(ref=change.ref, old=change.old, new=change.new)
        if not change.new or not governed(change.ref, self._policy):
            return bare
        try:
            return self._tag(bare, mains) if change.ref.startswith(TAGS) else self._main(bare)
        except ActionError as error:
            return replace(bare, unseen=error.found, remedy=error.remedy)

    def now(self, ref: str) -> str:
        """Return a reference's current object id in this repository, or an empty text."""
        return self._id(ref)

    # ── main ─────────────────────────────────────────────────────────────────────────────────────

    def _main(self, update: Update) -> Update:
        if not update.old:
            return update
        if not self._id(f"{update.old}^{{commit}}"):
            raise ActionError(
                "cannot inspect the push",
                found=f"the current commit {update.old[:12]} is not in this clone",
                remedy=f"git fetch origin {quote(self._policy.main)}",
            )
        if self._code(is_ancestor(update.old, update.new)) != 0:
            return replace(update, forward=False)
        known = (update.old, *(found for name in self._published if (found := self._id(name))))
        commits = git.parse_commits(self._log(git.main_commits(update.new, *known)))
        follows = self._follows(commits[0], update.old) if commits else True
        return replace(update, follows=follows, commits=tuple(map(self._main_commit, commits)))

    def _follows(self, oldest: git.Commit, old: str) -> bool:
        """True if the old main is in the new main's first-parent history, not a branch merged into it."""
        first = "".join(oldest.parents[:1])
        return first == old or self._code(is_ancestor(first, old)) != 0

    def _main_commit(self, commit: git.Commit) -> MainCommit:
        merged: list[git.Commit] = []
        if len(commit.parents) > 1:
            merged = git.parse_commits(self._log(git.merged_commits(commit.parents)))
        return MainCommit(
            id=commit.id,
            subject=commit.subject,
            parents=commit.parents,
            author=commit.author,
            authors=tuple(dict.fromkeys(who for c in merged for who in (c.author, *c.co_authors))),
            reviewers=commit.reviewers,
            changes=len(commit.parents) > 1 and self._again(commit.parents) != commit.tree,
        )

    def _again(self, parents: tuple[str, ...]) -> str:
        """Return the tree of git's own merge, or an empty text if there is none (conflicts, more than two parents)."""
        done = self._run(git.merge_again(parents))
        if done.code == _USAGE and len(parents) == 2:
            raise ActionError(
                "cannot inspect the push",
                found="git is older than 2.38: changes made in a merge itself cannot be detected",
                remedy="git --version",
            )
        return done.out.splitlines()[0] if done.code == 0 and done.out else ""

    # ── tags ─────────────────────────────────────────────────────────────────────────────────────

    def _tag(self, update: Update, mains: tuple[str, ...]) -> Update:
        kind = self._checked(git.object_kind(update.new)).strip()
        if kind != "tag":
            seen = PushedTag(kind=kind, of=kind)
        else:
            head = git.parse_tag_object(self._checked(git.read_tag(update.new)))
            is_commit = head.of == "commit"
            seen = PushedTag(
                kind=kind,
                of=head.of,
                name=head.name,
                on_main=is_commit and any(self._code(is_ancestor(head.target, m)) == 0 for m in mains),
                signature=self._signature(update.new, signed=head.signed),
            )
        return replace(update, tag=seen)

    def _signature(self, tag: str, *, signed: bool) -> str:
        if not signed:
            return "none"
        settings = (f"gpg.ssh.allowedSignersFile={self._signers}",) if self._signers else ()
        required = self._policy.signatures == "required"
        try:
            found = verify(self._here, tag, *settings, required=required)
        except ActionError:
            return "unchecked"
        if found.state == "unverified":
            return "unchecked"
        return "good" if found.state == "good" else found.why

    # ── git ──────────────────────────────────────────────────────────────────────────────────────

    def _id(self, name: str) -> str:
        done = self._run(git.resolve(name))
        return done.out.strip() if done.code == 0 else ""

    def _code(self, argv: tuple[str, ...]) -> int:
        return self._run(argv).code

    def _checked(self, argv: tuple[str, ...]) -> str:
        done = self._run(argv)
        if done.code != 0:
            raise ActionError("cannot inspect the push", found=reason(done.err), remedy="git fsck")
        return done.out

    def _log(self, argv: tuple[str, ...]) -> str:
        try:
            return Objects(self._here).read(argv).decode(errors="replace")
        except ActionError as error:
            raise ActionError("cannot inspect the push", found=error.found, remedy=error.remedy) from None

    def _run(self, argv: tuple[str, ...]) -> Done:
        return run(argv, cwd=self._here, timeout=300)
