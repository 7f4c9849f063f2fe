"""The releases of one working copy: lists them, and creates the next one's tag."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import msgspec

from l9.checks.git.versions import TagFormat
from l9.config.model import Config
from l9.drivers.git import commands as git
from l9.drivers.git import releases_commands as git_releases
from l9.drivers.git.environment import reason
from l9.drivers.git.runner import run, run_checked
from l9.drivers.git.tags import peel, read_tag
from l9.drivers.process.programs import Done
from l9.errors import ActionError, UsageError

PATIENCE = 120.0  # seconds for a signature: a person may have to type a passphrase or touch a key


class Listed(msgspec.Struct, frozen=True):
    """One release. `commits` counts those since the previous release, or all."""

    tag: str
    commit: str
    tree: str
    at: float
    tagger: str
    previous: str | None
    commits: int


class GitReleases:
    """Lists and creates the tags of the repository at `top`."""

    def __init__(self, top: Path, config: Config) -> None:
        self._top = top
        self._config = config

    def newest(self, most: int) -> tuple[Listed, ...]:
        """Return the newest releases, the highest version first."""
        form = TagFormat(self._config.release.tag)
        lines = git_releases.parse_annotated(self._checked(git_releases.list_annotated()))
        known = [
            (version, peeled)
            for line in lines
            if (version := form.parse(line.name)) is not None and (peeled := self._peeled(line)).commit
        ]
        tags = [line for _, line in sorted(known, key=lambda pair: pair[0], reverse=True)]
        found = []
        for line, before in zip(tags[:most], (*tags[1:], None), strict=False):
            argv = git_releases.count_commits(before.commit if before else "", line.commit)
            commits = int(self._checked(argv))
            found.append(Listed(*line, previous=before.name if before else None, commits=commits))
        return tuple(found)

    def refuse_behind(self, commit: str) -> None:
        """Raise UsageError if origin has releases or commits of main that HEAD lacks."""
        if self._run(git.remote_url()).code != 0:
            return
        main = self._config.release.main
        refs = git.parse_ls_remote(self._checked(git.ls_remote(main, "*")))
        form = TagFormat(self._config.release.tag)
        here = set(self._checked(git.list_tags()).split())
        names = (ref.removeprefix("refs/tags/") for ref in refs if ref.startswith("refs/tags/"))
        if unknown := [name for name in names if form.parse(name) is not None and name not in here]:
            raise UsageError(
                "origin has releases that are not in this working copy",
                expected="every release on origin",
                found=", ".join(unknown[:5]),
                remedy="git fetch --tags origin",
            )
        head = refs.get(f"refs/heads/{main}")
        if head and self._run(git.is_ancestor(head, commit)).code != 0:
            raise UsageError(
                f"HEAD is behind origin's {main}",
                expected=f"a commit that contains {head[:12]}",
                found=commit[:12],
                remedy=f"git pull --no-rebase origin {main}",
            )

    def make(self, name: str, commit: str, message: str, *, sign: bool) -> None:
        """Create the tag. Raises ActionError if git refuses; an existing tag is never moved."""
        done = run(
            git_releases.make_tag(name, commit, sign=sign),
            cwd=self._top,
            timeout=PATIENCE,
            data=message.encode(),
            alone=not os.isatty(0),
        )
        if done.code == 0 and sign:
            tag = read_tag(self._top, name)
            # git 2.39 creates an unsigned tag with exit code 0 if ssh-keygen fails to sign.
            if tag.signature == "none":
                self._checked(git_releases.unmake_tag(name, str(tag.object_id)))
                done = Done(1, done.raw, done.err)
        if done.code != 0:
            raise ActionError(
                f"the tag {name} was not created",
                expected="an annotated tag" + (", signed" if sign else ""),
                found=reason(done.err),
                remedy="git config --get-regexp '^(gpg|user)[.]'"
                if sign
                else shlex.join(("git", "show", name)),
                log=tuple(done.err.strip().splitlines()[-5:]),
            )

    def _peeled(self, line: git_releases.TagLine) -> git_releases.TagLine:
        if line.commit:
            return line
        commit, tree = peel(self._top, line.name)
        return line._replace(commit=commit, tree=tree)

    def _run(self, argv: git.Argv) -> Done:
        return run(argv, cwd=self._top)

    def _checked(self, argv: git.Argv) -> str:
        try:
            return run_checked(argv, cwd=self._top)
        except ActionError as error:
            error.remedy = error.remedy or shlex.join(argv)
            raise
