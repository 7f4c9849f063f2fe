"""A commit's history: the last release, and the commits since then."""

from __future__ import annotations

import shlex
import threading
from pathlib import Path

from l9.checks.git.facts import LastRelease, Messages, Signature
from l9.checks.git.versions import TagFormat
from l9.checks.secrets.facts import Secrets
from l9.config.model import Config
from l9.drivers.git import commands as git
from l9.drivers.git import history_commands as git_history
from l9.drivers.git.runner import run, run_checked
from l9.drivers.git.tags import peel
from l9.drivers.signing.tags import signature
from l9.errors import ActionError

MOST_MESSAGES = 2000


class GitHistory:
    """Reads one working copy's history, and caches results by commit."""

    def __init__(self, top: Path, config: Config, state: Path) -> None:
        self._top = top
        self._state = state
        self._config = config
        self._lock = threading.Lock()
        self._last: dict[tuple[str, str], LastRelease] = {}

    def last_release(self, name: str, commit: str) -> LastRelease:
        """Return the highest release among the commit's ancestors; `name` is the judged tag, which does not count.

        Only tags on origin count, if origin is reachable: a tag that was refused before its push is not a release.
        Raises ActionError in a shallow clone.
        """
        with self._lock:
            if (name, commit) not in self._last:
                self._last[name, commit] = self._look_for_last(name, commit)
            return self._last[name, commit]

    def messages(self, name: str, commit: str) -> Messages:
        """Return the messages of the commits since the last release."""
        last = self.last_release(name, commit)
        out = self._git(git_history.log_messages(last.commit, commit, MOST_MESSAGES + 1))
        found = git_history.parse_messages(out)
        return Messages(last.tag, found[:MOST_MESSAGES], more=len(found) > MOST_MESSAGES)

    def signature(self, name: str) -> Signature:
        """Verify the tag's signature."""
        return signature(self._top, self._config, name)

    def secrets(self, name: str, commit: str, *, whole: bool = False) -> Secrets:
        """Find likely secrets in lines that were added since the last release, or in the whole history."""
        from l9.checks.secrets.history import secrets

        last = LastRelease() if whole else self.last_release(name, commit)
        main = self._config.release.main
        return secrets(self._top, self._state, commit, last, main=main, history=whole)

    def _look_for_last(self, name: str, commit: str) -> LastRelease:
        if self._git(git_history.is_shallow()).strip() == "true":
            raise ActionError(
                "the previous releases are not in this clone",
                expected="a clone with its whole history",
                found="a shallow clone",
                remedy=shlex.join(git.unshallow(self._config.release.main)),
            )
        listed = git_history.parse_merged_tags(self._git(git_history.merged_tags(commit)))
        before = [tag if tag.commit else tag._replace(commit=peel(self._top, tag.name)[0]) for tag in listed]
        form = TagFormat(self._config.release.tag)
        known = [
            (version, tag)
            for tag in before
            if tag.name != name and tag.commit != commit and (version := form.parse(tag.name)) is not None
        ]
        if known and (pushed := self._pushed()) is not None:
            known = [
                (version, tag)
                for version, tag in known
                if pushed.get(f"refs/tags/{tag.name}") == tag.object_id
            ]
        if not known:
            return LastRelease()
        _, last = max(known)
        return LastRelease(last.name, last.commit)

    def _pushed(self) -> dict[str, str] | None:
        """Return origin's tags, or None if it is unreachable (`repository.tag-on-origin` reports that)."""
        try:
            done = run(git_history.remote_tags(), cwd=self._top, timeout=60)
        except ActionError:
            return None
        return git.parse_ls_remote(done.out) if done.code == 0 else None

    def _git(self, argv: git.Argv) -> str:
        try:
            return run_checked(argv, cwd=self._top)
        except ActionError as error:
            error.remedy = error.remedy or shlex.join(argv)
            raise
