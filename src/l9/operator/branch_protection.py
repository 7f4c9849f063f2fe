"""The protection of the main branch on origin, as far as this machine can see it."""

from __future__ import annotations

import re
from pathlib import Path

from l9.checks.git.facts import Protection
from l9.core.facts import Unseen
from l9.drivers.git import commands as git
from l9.drivers.git import runner as git_runner
from l9.drivers.github import commands as github
from l9.drivers.process.programs import run
from l9.errors import ActionError, UsageError

GITHUB = re.compile(
    r"(?:https://(?:[^/@]+@)?|ssh://git@|git@)github\.com[/:](?P<repo>[\w.-]+/[\w.-]+?)(?:\.git)?/?"
)


def protection(top: Path, main: str) -> Protection | Unseen:
    """Return the protection of the main branch on origin; Unseen if it cannot be determined."""
    url = git_runner.run(git.remote_url(), cwd=top)
    if url.code != 0:
        return Unseen("no remote named origin", "git remote add origin URL")
    address = url.out.strip()
    if found := GITHUB.fullmatch(address):
        return _on_github(found["repo"], main)
    path = Path(address.removeprefix("file://"))
    return _on_disk(top / path, main) if (top / path).is_dir() else _elsewhere()


def _elsewhere() -> Unseen:
    return Unseen("the protection of this remote cannot be read from here", "l9 protect --help")


def _on_disk(path: Path, main: str) -> Protection | Unseen:
    from l9.operator.protect import BareRepository

    try:
        guarded = BareRepository(path.resolve()).hook.state in ("installed", "outdated")
    except UsageError as error:
        return Unseen(error.summary, "l9 protect --help")
    return Protection(main, "l9's pre-receive hook" if guarded else "", f"l9 protect bare {path.resolve()}")


def _on_github(repository: str, main: str) -> Protection | Unseen:
    try:
        done = run(github.rules_of_branch(repository, main), timeout=5)
    except ActionError as error:
        return Unseen(error.summary, error.remedy or "gh auth status")
    if done.code != 0:
        return Unseen("GitHub did not return the rules of the branch", "gh auth status")
    rules = github.parse_rules(done.out)
    return Protection(
        main, f"GitHub's rules ({', '.join(rules)})" if rules else "", "l9 protect github --apply"
    )
