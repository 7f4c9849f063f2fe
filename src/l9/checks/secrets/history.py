"""Secrets in the lines that commits add: since a release, in a whole tree, or in the whole history."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec
from msgspec.structs import replace

from l9.checks.git.facts import LastRelease
from l9.checks.secrets import patch_commands as git_patches
from l9.checks.secrets import scan as secret_scan
from l9.checks.secrets.candidates import CANDIDATE, is_candidate
from l9.checks.secrets.facts import Leak, Secrets
from l9.checks.secrets.patch_commands import Added
from l9.checks.secrets.scan import Line
from l9.drivers.files.atomic import replace_file
from l9.drivers.git import commands as git
from l9.drivers.git.objects.store import Objects
from l9.drivers.git.runner import run
from l9.drivers.git.tree import GitTree
from l9.errors import ActionError

BASELINE = ".secrets.baseline"
LARGE_FILE, NEXT_LINE = "version https://git-lfs", "pragma: ?allowlist[ -]nextline"
KEPT = 50  # cached results
KEY_LINE = "^[a-z0-9+/]{60,}=*$"  # the first line of a private key's body, without which the scanner does not report it
NOTHING = Line("", 0, "")


def secrets(
    top: Path, state: Path, commit: str, last: LastRelease, *, main: str, history: bool = False
) -> Secrets:
    """The leaks in the lines that came with `commit`; results are cached in `state`.

    After a release, the patch of every commit since then is scanned, because others know a pushed secret even if the
    next commit removes it. Before the first release, the tree of `commit` is scanned. With `history`, the patches of
    all commits are scanned.
    """
    tree = GitTree(top, commit)
    baseline = tree.text(BASELINE) or ""
    key = f"{commit} {last.commit} {history} {secret_scan.version()} {baseline}"
    path = state / "secrets" / f"{hashlib.sha256(key.encode(errors='replace')).hexdigest()[:32]}.json"
    if (found := _remembered(path)) is None:
        found = _look(top, tree, commit, last, baseline, history)
        _remember(path, found)
    known = tuple(_known(top, main, leak) for leak in found.leaks)
    return replace(found, leaks=known)


def _look(top: Path, tree: GitTree, commit: str, last: LastRelease, baseline: str, history: bool) -> Secrets:
    skipped: dict[str, None] = {}
    if history or last.commit:
        added = _added(
            top, git_patches.log_added(commit, "" if history else last.commit), git_patches.parse_added
        )
    else:
        skipped.update((path, None) for path in tree.files if tree.entries[path].size > git_patches.LARGE)
        argv = git_patches.grep_lines("|".join((CANDIDATE, LARGE_FILE, NEXT_LINE, KEY_LINE)), commit, skipped)
        added = _added(top, argv, partial(git_patches.parse_lines, commit=commit), none=1)
    findings = secret_scan.scan(_worth_a_look(added, skipped), _allowed(baseline))
    texts = {path: set((tree.text(path) or "").splitlines()) for path in {leak.path for leak in findings}}
    leaks = (
        replace(leak, path=_shown(leak.path), gone=text.splitlines()[0] not in texts[leak.path])
        for leak, text in findings.items()
    )
    order = sorted(leaks, key=lambda leak: (leak.gone, leak.path, leak.line))
    return Secrets(None if history else last.tag, tuple(order), tuple(map(_shown, skipped)), history)


def _shown(path: str) -> str:
    """A path as printable text; bytes that are not UTF-8 are escaped."""
    return path.encode(errors="backslashreplace").decode()


def _known(top: Path, main: str, leak: Leak) -> Leak:
    """The leak, with `pushed` set if origin's main has its commit: it is then known to others."""
    if not leak.gone:
        return leak
    on_origin = git.is_ancestor(leak.commit, f"refs/remotes/origin/{main}")
    return replace(leak, pushed=run(on_origin, cwd=top).code == 0)


def _allowed(baseline: str) -> frozenset[tuple[str, str]]:
    """The paths and hashes that a baseline of detect-secrets allows; empty if there is none."""
    try:
        results = json.loads(baseline or "{}").get("results", {})
        return frozenset(
            (str(path), part)
            for path, found in results.items()
            for one in found
            # A private key's hash depends on how many of its lines were scanned: allow it by kind too.
            for part in (
                str(one["hashed_secret"]),
                *(("Private Key",) if one["type"] == "Private Key" else ()),
            )
        )
    except (ValueError, AttributeError, TypeError, KeyError):
        raise ActionError(
            f"{BASELINE} cannot be read",
            expected="the output of `detect-secrets scan`",
            found="another format",
            remedy=f"$EDITOR {BASELINE}",
        ) from None


# ── the lines ────────────────────────────────────────────────────────────────────────────────────


def _added(
    top: Path, argv: git.Argv, parse: Callable[[Iterable[bytes]], Iterator[Added]], none: int = 0
) -> Iterator[Added]:
    """Stream git's output line by line, without a large history in memory. `none`: the exit code for no match."""
    with Objects(top).reading(argv, none=none) as process:
        yield from parse(process.out)


def _worth_a_look(added: Iterable[Added], skipped: dict[str, None]) -> Iterator[Line]:
    """The distinct lines in which a detector could find something; unreadable files are added to `skipped`."""
    seen: set[tuple[str, str]] = set()
    above = NOTHING
    key: Line | None = None
    for one in added:
        path, text = os.fsdecode(one.path), one.text.decode(errors="replace")
        if path == BASELINE:
            continue
        if not one.number or text.startswith(LARGE_FILE):
            skipped[path] = None
            continue
        if key is not None:
            body = text.strip() if (path, one.number) == (key.path, key.number + 1) else ""
            yield key._replace(text=f"{key.text.rstrip()}\n{body}")
            key = None
        if is_candidate(text) and (path, text) not in seen:
            seen.add((path, text))
            follows = above.path == path and above.number == one.number - 1
            line = Line(path, one.number, text, one.commit, _pragma(above.text) if follows else "")
            if _begins_key(text):
                key = line
            else:
                yield line
        above = Line(path, one.number, text)
    if key is not None:
        yield key


def _begins_key(text: str) -> bool:
    """True if a private key may follow on the next line; the scanner needs both lines as one."""
    return "PRIVATE KEY-" in text


def _pragma(above: str) -> str:
    """The line above if it has a pragma for the next line, else an empty text."""
    return above if "pragma" in above else ""


# ── cache ────────────────────────────────────────────────────────────────────────────────────────


def _remembered(path: Path) -> Secrets | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Secrets)
    except (OSError, msgspec.MsgspecError):
        return None


def _remember(path: Path, found: Secrets) -> None:
    with contextlib.suppress(OSError):  # the cache is optional
        replace_file(path, msgspec.json.encode(found), 0o600)
        newest = sorted(path.parent.glob("*.json"), key=lambda one: one.stat().st_mtime, reverse=True)
        for one in newest[KEPT:]:
            one.unlink(missing_ok=True)
