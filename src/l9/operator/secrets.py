"""Resolves a target's env source on the operator's machine, in memory only, for that target's host only."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from l9.checks.environment.env_file import Entry, Secret, render_env
from l9.checks.environment.resolved import ResolvedEnv
from l9.checks.environment.schema import read_schema
from l9.checks.environment.source import KEPT, Reference, read_source
from l9.config.model import Config
from l9.drivers.git.repo import GitRepo
from l9.drivers.git.tree import GitTree
from l9.drivers.process.concurrency import run_concurrently
from l9.drivers.secrets.command import Command
from l9.drivers.secrets.op import OnePassword
from l9.drivers.secrets.sops import Sops
from l9.drivers.secrets.store import SecretStore
from l9.drivers.secrets.vault import Vault
from l9.errors import ActionError, L9Error


def resolve(repo: GitRepo, top: Path, config: Config, tag: str) -> ResolvedEnv | None:
    """Resolve all values of the target's env source; None if it has none.

    Raises ActionError, which names keys and programs, never a value.
    """
    if not config.env.source:
        return None
    tree, path = repo.tree(tag), config.env.source
    text = tree.text(path)
    if text is None:
        raise ActionError(
            f"{path} not found in {tag}",
            expected=f"a committed {path}: it contains references only",
            found="no such file",
            remedy=shlex.join(("git", "add", "--force", "--", path)),
        )
    source = read_source(text, read_schema(tree.text(config.env.example) or "").rules)
    if source.problems:
        first = source.problems[0]
        raise ActionError(
            f"{path} cannot be resolved",
            expected="references and plain values",
            found=f"line {first.line_no}: {first.why}",
            remedy=f"$EDITOR {shlex.quote(path)}",
        )
    values = _read_all(source.references, stores(top, tree))
    literals = {entry.key: entry for entry in source.literals}
    entries = (
        literals[key] if key in literals else Entry(key, values[key], False, 0, quote="'")
        for key in source.keys
        if key in literals or key in values
    )
    keep = tuple(r.key for r in source.references if r.scheme == KEPT)
    return ResolvedEnv(source=path, file=config.env.file, text=render_env(entries), keep=keep)


def stores(top: Path, tree: GitTree) -> dict[str, SecretStore]:
    """Return the secret store for each reference scheme."""
    return {
        "op": OnePassword(top),
        "vault": Vault(top),
        "sops": Sops(top, lambda path: tree.read((path,)).get(path)),
        "cmd": Command(top),
    }


def _read_all(references: tuple[Reference, ...], by: Mapping[str, SecretStore]) -> dict[str, Secret]:
    """Read the value of each key; every reference is read once, concurrently. Raises ActionError."""
    wanted = {r.text: r for r in references if r.scheme != KEPT}
    found: dict[str, Secret] = {}
    failed: dict[str, L9Error] = {}

    def read(reference: Reference) -> None:
        try:
            found[reference.text] = by[reference.scheme].read(reference.text)
        except L9Error as error:
            failed[reference.text] = error

    run_concurrently([partial(read, reference) for reference in wanted.values()])
    for reference in references:
        if error := failed.get(reference.text):
            raise ActionError(
                f"{reference.key} cannot be resolved; the host was not contacted",
                expected=error.expected,
                found=error.summary,
                remedy=error.remedy,
            )
    return {r.key: found[r.text] for r in references if r.text in found}
