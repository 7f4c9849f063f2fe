"""The tree that the stages run on, the key of all that their outcome depends on, and the stored report."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Iterable
from typing import Literal

import msgspec

from l9.checks.compose.services import USUAL_FILES
from l9.checks.git.versions import TagFormat, Version
from l9.checks.paths import matcher
from l9.checks.pipeline.stages import Base, CgmpReport, content_key
from l9.config.model import Config
from l9.drivers.git import commands as git
from l9.drivers.git.repo import GitRepo
from l9.drivers.git.tree import GitTree
from l9.operator.pipeline.store import CgmpStore

RULES = "1"  # raised when the same content would be judged differently
Runtime = Literal["container", "process"]


class TreeUnderTest(msgspec.Struct, frozen=True):
    """A tree to run the stages on. `revision` is its name for git; `base` the release before it."""

    revision: str
    tree: str
    base: Base | None = None


class Runtimes(msgspec.Struct, frozen=True):
    """The runtimes of the tests and of the started release."""

    tests: Runtime
    oracle: Runtime

    @property
    def both(self) -> Runtime:
        return "container" if self.tests == self.oracle == "container" else "process"


def subject_of(repo: GitRepo, config: Config, tag: str) -> TreeUnderTest:
    """Return a tag's tree, or HEAD's if the name is empty; the tree id is empty if there is no commit."""
    found = repo.tag(tag)
    return TreeUnderTest(found.commit or git.revision(tag), found.tree, base_of(repo, config, tag))


def base_of(repo: GitRepo, config: Config, tag: str) -> Base | None:
    """Return the last release before a tag, or before the one that HEAD would become."""
    form = TagFormat(config.release.tag)
    before = () if tag else _versions(form, repo.merged_tags())
    found = form.previous(tag, repo.tags()) if tag else max(before, default=None)
    if found is None:
        return None
    return Base(found.tag, repo.tree_id(found.tag), (found.major, found.minor, found.patch))


def _versions(form: TagFormat, tags: Iterable[str]) -> Iterable[Version]:
    return (version for version in map(form.parse, tags) if version is not None)


def runtimes_of(config: Config) -> Runtimes:
    """Choose the runtimes by `[cgmp] where`; `auto` follows the target, and a test with `{python}` runs here.

    Without Docker, `auto` runs everything as processes; the report says so.
    """
    wanted = config.cgmp.where
    if wanted != "auto":
        return Runtimes(wanted, wanted)
    docker = config.target.runtime == "compose" and shutil.which("docker") is not None
    runtime: Runtime = "container" if docker else "process"
    here = any("{python}" in word for word in config.check.test)
    return Runtimes("process" if here else runtime, runtime)


def key_of(repo: GitRepo, config: Config, subject: TreeUnderTest) -> str:
    """Return the digest of all that the outcome depends on. It leaves out `.env.local`."""
    where = runtimes_of(config)
    tree = repo.tree_of(subject.tree)
    lock = (*config.check.requirements, "pyproject.toml", "uv.lock", "poetry.lock", "pdm.lock")
    build = ("*Dockerfile*", "*.dockerignore", *USUAL_FILES, config.compose.file)
    parts = {
        "rules": RULES,
        "tree": subject.tree,
        "lock": _objects(tree, lock),
        "Dockerfile": _objects(tree, build),
        "base": subject.base.tree if subject.base else "",
        "stages": settings_of(config),
        "where": f"{where.tests} {where.oracle}",
        "python": f"{sys.prefix} {sys.version}" if "process" in (where.tests, where.oracle) else "",
    }
    return content_key(parts)


def settings_of(config: Config) -> str:
    """Return a digest of the settings that control the stages."""
    check, env = config.check, config.env
    settings = (
        config.cgmp,
        check.test,
        check.test_timeout,
        config.compose,
        config.process,
        config.health,
        env,
    )
    return hashlib.sha256(msgspec.json.encode((*settings, config.target.runtime))).hexdigest()


def _objects(tree: GitTree, patterns: Iterable[str]) -> str:
    """Return the object ids of the files that match one of the patterns."""
    matches = matcher(patterns)
    wanted = [p for p in tree.entries if matches(p) or matches(p.rpartition("/")[2])]
    return " ".join(f"{path}={tree.entries[path].object_id}" for path in sorted(wanted))


def store_of(repo: GitRepo) -> CgmpStore:
    """Return the store of this working copy's reports and evidence."""
    return CgmpStore(repo.state() / "cgmp")


def remembered(repo: GitRepo, config: Config, tag: str) -> CgmpReport | None:
    """Return the stored report on a tag's content (on HEAD's if the name is empty), or None; nothing is run."""
    subject = subject_of(repo, config, tag)
    if not subject.tree:
        return None
    found = store_of(repo).report(key_of(repo, config, subject))
    return cached(found) if found else None


def cached(report: CgmpReport) -> CgmpReport:
    """Mark all stages of a report as cached."""
    stages = tuple(msgspec.structs.replace(r, cached=True) for r in report.stages)
    return msgspec.structs.replace(report, stages=stages)
