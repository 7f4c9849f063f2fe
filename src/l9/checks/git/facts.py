"""Observations of git and the working copy."""

from __future__ import annotations

import msgspec


class Workspace(msgspec.Struct, frozen=True):
    """`git status` of the working directory; paths are relative to its top."""

    branch: str | None
    untracked: tuple[str, ...]
    changed: tuple[str, ...]


class Origin(msgspec.Struct, frozen=True):
    """The remote of releases: its object of the tag, and if its main has the commit."""

    url: str | None
    tag_object: str | None = None
    main_has_commit: bool = False


class TreeFiles(msgspec.Struct, frozen=True):
    """The number of files in a release's tree; `refused` describes one that cannot be deployed, `remedy` the fix."""

    count: int
    refused: str = ""
    remedy: str = ""


class LastRelease(msgspec.Struct, frozen=True):
    """The highest earlier release in the history of the judged one; `tag` is None before the first release."""

    tag: str | None = None
    commit: str = ""


class CommitMessage(msgspec.Struct, frozen=True):
    """The message of one commit; a merge has two parents or more."""

    commit: str
    parents: int
    text: str


class Messages(msgspec.Struct, frozen=True):
    """The commits since the last release, newest first; before the first one, only the commit to be released.

    `more`: there are older ones that were not read.
    """

    since: str | None
    commits: tuple[CommitMessage, ...]
    more: bool = False


class Signature(msgspec.Struct, frozen=True):
    """The signature of a tag: `by` is its signer, `why` the problem with it.

    `state` is none, good, bad, or unverified (nothing to verify it with).
    """

    state: str
    by: str = ""
    why: str = ""
    remedy: str = ""


class Branch(msgspec.Struct, frozen=True):
    """A branch other than main; `where` is local or origin. Times are epoch seconds.

    `at` is the time of its newest commit, `began` that of its oldest commit that main lacks. `ahead` and `behind` are
    None if it was not compared.
    """

    name: str
    where: str
    commit: str
    at: float
    began: float
    ahead: int | None = None
    behind: int | None = None

    @property
    def merged(self) -> bool:
        return self.ahead == 0


class Branches(msgspec.Struct, frozen=True):
    """All other branches than main, local and of origin's last fetch; `known`: there is a main to compare with."""

    main: str
    branches: tuple[Branch, ...]
    known: bool = True


class Protection(msgspec.Struct, frozen=True):
    """The protection of main on origin; `by` is empty if there is none, and `remedy` sets it up."""

    main: str
    by: str
    remedy: str


class Automation(msgspec.Struct, frozen=True):
    """The scripts of the spec, and the CI workflows that deploy and report failures.

    not_executable: scripts that begin with `#!` and have no executable bit in git.
    """

    scripts: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    not_executable: tuple[str, ...] = ()


class Hooks(msgspec.Struct, frozen=True):
    """The hooks of this working copy, installed and absent."""

    installed: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
