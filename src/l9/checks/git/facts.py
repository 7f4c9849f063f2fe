"""What was seen of git and the working copy: frozen observations."""

from __future__ import annotations

import msgspec


class Workspace(msgspec.Struct, frozen=True):
    """`git status` of the working directory; paths are relative to its top."""

    branch: str | None
    untracked: tuple[str, ...]
    changed: tuple[str, ...]


class Origin(msgspec.Struct, frozen=True):
    """The remote that releases go through: what it has for the tag, and whether its main has the commit."""

    url: str | None
    tag_object: str | None = None
    main_has_commit: bool = False


class TreeFiles(msgspec.Struct, frozen=True):
    """How many files a release's tree has; `refused` says which of them cannot be deployed, and `remedy` helps."""

    count: int
    refused: str = ""
    remedy: str = ""


class LastRelease(msgspec.Struct, frozen=True):
    """The highest release in the history of the one judged, itself left out; `tag` is None before the first one."""

    tag: str | None = None
    commit: str = ""


class CommitMessage(msgspec.Struct, frozen=True):
    """What one commit says; a merge has two parents or more."""

    commit: str
    parents: int
    text: str


class Messages(msgspec.Struct, frozen=True):
    """The commits since the last release, newest first; before the first one, only the commit to be released.

    `more`: there are older ones that nobody read.
    """

    since: str | None
    commits: tuple[CommitMessage, ...]
    more: bool = False


class Signature(msgspec.Struct, frozen=True):
    """What is known of a tag's signature: `by` who signed, `why` what is wrong.

    `state` is none, good, bad, or unverified: there is nothing here to verify it with.
    """

    state: str
    by: str = ""
    why: str = ""
    remedy: str = ""


class Branch(msgspec.Struct, frozen=True):
    """A branch beside main; `where` is local or origin. Times are epoch seconds; None where nothing was compared.

    `at` is when its newest commit was made, `began` its oldest one that main lacks.
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
    """All branches beside main, here and on origin as of the last fetch; `known`: there is a main to compare with."""

    main: str
    branches: tuple[Branch, ...]
    known: bool = True


class Protection(msgspec.Struct, frozen=True):
    """What guards main where everybody pushes to; `by` is empty for nothing, and `remedy` mends that."""

    main: str
    by: str
    remedy: str


class Automation(msgspec.Struct, frozen=True):
    """What of the tree runs l9 for people: the spec's scripts, and CI workflows that tell when a deploy failed.

    stiff: scripts that begin with `#!`, and that git does not have as executable.
    """

    scripts: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    stiff: tuple[str, ...] = ()


class Hooks(msgspec.Struct, frozen=True):
    """The hooks of this working copy: those that are in place, and those that are not."""

    installed: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
