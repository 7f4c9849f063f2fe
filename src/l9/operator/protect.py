"""Protects a bare repository with a pre-receive hook, its rules and its allowed signers (spec 3.1)."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from difflib import unified_diff
from pathlib import Path

import msgspec

import l9
from l9.checks.git.protection import BRANCHES, Policy, judge_push
from l9.drivers.files.atomic import replace_file
from l9.drivers.git.runner import run
from l9.drivers.git_hooks.files import HookFiles, HookState, find_places
from l9.drivers.git_hooks.push import GitPush
from l9.drivers.git_hooks.push_commands import parse_received
from l9.errors import UsageError
from l9.operator.hook_findings import of_refusals
from l9.protocol.answers.hooks import HookFinding

HOOK = "pre-receive"


class BareRepository:
    """The bare repository at `path`. Raises UsageError if it is not one."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise UsageError(
                f"no such directory: {path}",
                expected="a bare repository",
                found="no such directory",
                remedy="git init --bare",
            )
        self._hooks = HookFiles(path, (HOOK,), install="l9 protect bare", remove="l9 protect bare --remove")
        own = Path(self._hooks.places.git_dir)
        if not _is_bare(path) or own.resolve() != path.resolve():
            raise UsageError(
                f"{path} is not a bare repository",
                expected="a bare repository that others push to",
                found="a working copy, or a directory in one",
                remedy="l9 hooks install",
            )
        self.directory = own / "l9"

    @property
    def hook(self) -> HookState:
        return self._hooks.states()[0]

    @property
    def policy(self) -> Policy | None:
        """The rules in force; None if there are none, or if they cannot be read, since applying rewrites them."""
        with suppress(UsageError):
            return read_policy(self.directory)
        return None

    @property
    def signers(self) -> str | None:
        """The text of the repository's allowed signers file; None if there is none."""
        file = self.directory / "allowed_signers"
        return file.read_text(encoding="utf-8") if file.is_file() else None

    def plan(self, policy: Policy, signers: str | None) -> tuple[tuple[Path, str], ...]:
        """Return the files that would be written for these rules, with their text; none if all are up to date."""
        wanted = {self.directory / "protection.json": format_policy(policy)}
        if signers is not None:
            wanted[self.directory / "allowed_signers"] = signers
        changed = tuple((file, text) for file, text in wanted.items() if _text(file) != text)
        hook = self.hook
        return changed if hook.state == "installed" else (*changed, (Path(hook.path), self._hooks.text(HOOK)))

    def apply(self, policy: Policy, signers: str | None) -> None:
        """Write the files: the rules first, since the hook refuses every push without them."""
        self._refuse_inaccessible()
        for file, text in self.plan(policy, signers):
            if file.parent == self.directory:
                replace_file(file, text, 0o644)
        self.directory.chmod(0o755)
        self._hooks.install()

    def remove(self) -> bool:
        """Remove the hook and the rules, and restore the previous hook; True if there was anything to remove."""
        ours = bool(self._hooks.remove())
        for name in ("protection.json", "allowed_signers"):
            ours = (self.directory / name).is_file() or ours
            (self.directory / name).unlink(missing_ok=True)
        if self.directory.is_dir() and not any(self.directory.iterdir()):
            self.directory.rmdir()
        return ours

    def _refuse_inaccessible(self) -> None:
        """Refuse an l9 that the repository's owner cannot run: whoever pushes runs the hook."""
        owner = self.directory.parent.stat().st_uid
        needed = (Path(sys.executable), Path(sys.executable).resolve(), Path(l9.__file__).resolve())
        closed = None if owner in (0, os.getuid()) else inaccessible(needed, owner)
        if closed is not None:
            raise UsageError(
                "the owner of the repository cannot run this l9",
                expected=f"an l9 that user {owner} may execute",
                found=f"{closed}, mode {closed.stat().st_mode & 0o777:o}",
                remedy="l9 protect bare --help",
            )


def inaccessible(files: tuple[Path, ...], user: int) -> Path | None:
    """Return the first parent of these files that a user (neither root nor of its group) may not enter."""
    for folder in (parent for file in files for parent in reversed(file.parents)):
        about = folder.stat()
        if not about.st_mode & (stat.S_IXUSR if about.st_uid == user else stat.S_IXOTH):
            return folder
    return None


def judge_received(here: Path, text: str) -> list[HookFinding]:
    """Judge a push into the repository at `here`; `text` is the input that git gives to a pre-receive hook."""
    directory = Path(find_places(here).common) / "l9"
    policy = read_policy(directory)
    if policy is None:
        raise UsageError(
            "the protection rules of this repository are missing",
            expected=f"a file {directory / 'protection.json'}",
            found="no such file",
            remedy=f"l9 protect bare {directory.parent}",
        )
    signers = directory / "allowed_signers"
    push = GitPush(
        here,
        policy,
        mains=(BRANCHES + policy.main,),
        allowed_signers=signers if signers.is_file() else None,
    )
    changes = parse_received(text)
    # The client sends the old ids; git compares them only later, one reference at a time.
    for change in changes:
        if change.old != (there := push.now(change.ref)):
            raise UsageError(
                "the repository changed since the last fetch",
                expected=f"{change.ref} at {there[:12] or 'nothing'}, as in this repository",
                found=change.old[:12] or "nothing",
                remedy="git fetch",
            )
    return of_refusals(judge_push(push.look(changes), policy), policy)


def read_policy(directory: Path) -> Policy | None:
    """Read the rules from l9's own directory of a bare repository; None if there are none. Raises UsageError."""
    file = directory / "protection.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=Policy)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(
            "the protection rules of this repository cannot be read",
            expected="the file that `l9 protect bare` wrote",
            found=f"{file}: {error}",
            remedy=f"l9 protect bare {directory.parent}",
        ) from None


def format_policy(policy: Policy) -> str:
    """Format the rules as JSON, as they are stored."""
    return msgspec.json.format(msgspec.json.encode(policy), indent=2).decode() + "\n"


def diff(file: Path, text: str) -> list[str]:
    """Return the change to a file as a diff without headers."""
    lines = unified_diff((_text(file) or "").splitlines(), text.splitlines(), lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def _is_bare(path: Path) -> bool:
    done = run(("git", "rev-parse", "--is-bare-repository"), cwd=path)
    return done.out.strip() == "true"


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return None
