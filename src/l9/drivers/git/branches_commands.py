"""git: branches here and on origin, and how far each is from main."""

from __future__ import annotations

from typing import NamedTuple

from l9.drivers.git.commands import Argv

MOST = 5000  # commits looked at on each side


class Head(NamedTuple):
    """A branch; `where` is local or the remote's name, `at` when its newest commit was made (epoch seconds)."""

    name: str
    where: str
    commit: str
    at: float


class Distance(NamedTuple):
    """Commits that main lacks, and that it has more; `began` is when the oldest of the branch's own was made."""

    ahead: int
    behind: int
    began: float | None


def list_heads(remote: str = "origin") -> Argv:
    """All branches, fields divided by NUL. What a remote-tracking one says is as of the last fetch."""
    form = "%(refname)%00%(objectname)%00%(committerdate:unix)%00%(symref)"
    return ("git", "for-each-ref", f"--format={form}", "refs/heads", f"refs/remotes/{remote}")


def parse_heads(out: str, remote: str = "origin") -> tuple[Head, ...]:
    """`list_heads`' output, without names that only stand for another branch (`origin/HEAD`)."""
    found = []
    for line in out.splitlines():
        ref, commit, at, symref = line.split("\0")
        local, prefix = "refs/heads/", f"refs/remotes/{remote}/"
        if not symref:
            where, name = (
                ("local", ref[len(local) :]) if ref.startswith(local) else (remote, ref[len(prefix) :])
            )
            found.append(Head(name, where, commit, float(at)))
    return tuple(found)


def distance(main: str, commit: str) -> Argv:
    """The commits that only one of the two has, newest first: a mark for the side, and the time."""
    return (
        "git", "log", "--no-show-signature", "--no-color", "--format=%m%ct", f"--max-count={MOST}",
        f"{main}...{commit}", "--",
    )  # fmt: skip


def parse_distance(out: str) -> Distance:
    """`distance`'s output."""
    own = [float(line[1:]) for line in out.splitlines() if line.startswith(">")]
    return Distance(len(own), out.count("<"), min(own, default=None))
