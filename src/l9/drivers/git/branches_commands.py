"""git: branches here and on origin, and their distance from main."""

from __future__ import annotations

from typing import NamedTuple

from l9.drivers.git.commands import Argv

MOST = 5000  # commits counted on each side


class Head(NamedTuple):
    """A branch. `where`: local or the remote's name; `at`: the time of its newest commit (epoch seconds)."""

    name: str
    where: str
    commit: str
    at: float


class Distance(NamedTuple):
    """Commits ahead of main and behind it; `began` is the time of the oldest commit that main lacks."""

    ahead: int
    behind: int
    began: float | None


def list_heads(remote: str = "origin") -> Argv:
    """List all branches, fields separated by NUL. Remote-tracking branches are as of the last fetch."""
    form = "%(refname)%00%(objectname)%00%(committerdate:unix)%00%(symref)"
    return ("git", "for-each-ref", f"--format={form}", "refs/heads", f"refs/remotes/{remote}")


def parse_heads(out: str, remote: str = "origin") -> tuple[Head, ...]:
    """Parse `list_heads`' output, without symbolic names (`origin/HEAD`)."""
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
    """List the commits that only one of the two has, newest first, with side and time."""
    return (
        "git", "log", "--no-show-signature", "--no-color", "--format=%m%ct", f"--max-count={MOST}",
        f"{main}...{commit}", "--",
    )  # fmt: skip


def parse_distance(out: str) -> Distance:
    """`distance`'s output."""
    own = [float(line[1:]) for line in out.splitlines() if line.startswith(">")]
    return Distance(len(own), out.count("<"), min(own, default=None))
