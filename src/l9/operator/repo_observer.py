"""Observes one working copy and its repository as facts. A fact that cannot be observed becomes `Unseen`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from l9.checks.compose import facts as compose_facts
from l9.checks.compose.build_files import read_build, read_compose
from l9.checks.dependencies import facts as dependencies_facts
from l9.checks.dockerfile import facts as dockerfile_facts
from l9.checks.environment import facts as environment_facts
from l9.checks.git import facts as git_facts
from l9.checks.git.automation import automation
from l9.checks.pipeline.stages import CgmpReport
from l9.checks.secrets import facts as secrets_facts
from l9.core import facts as f
from l9.core.run import Run
from l9.drivers.git.branches import branches
from l9.drivers.git.objects.export import tree_files
from l9.drivers.git.repo import GitRepo
from l9.drivers.git_hooks.files import hooks_of
from l9.drivers.process.concurrency import run_concurrently
from l9.errors import L9Error
from l9.operator.branch_protection import protection

OF_A_TAG = (
    f.Tag,
    git_facts.Origin,
    git_facts.Signature,
    f.Attested,
)  # facts that exist only when HEAD has a release tag
OF_A_COMMIT = (
    git_facts.TreeFiles,
    git_facts.Automation,
    environment_facts.EnvExample,
    environment_facts.EnvSource,
    git_facts.LastRelease,
    dependencies_facts.Locks,
    git_facts.Messages,
    secrets_facts.Secrets,
    compose_facts.ComposeFile,
    dockerfile_facts.Dockerfile,
    CgmpReport,
)  # facts that are read from a commit's tree


class RepoObserver:
    """Observes a working copy, its observables concurrently; one reader for each kind.

    `report` returns the known outcome of a tag's stages, or of HEAD's for an empty name.
    """

    def __init__(
        self, repo: GitRepo, report: Callable[[str], CgmpReport | None], *, whole_history: bool = False
    ) -> None:
        history = repo.history
        self._forget = repo.forget
        self._lookers: dict[type, Callable[[Run], object]] = {
            git_facts.Workspace: lambda _run: repo.workspace(),
            f.Tag: lambda run: repo.tag(run.tag),
            git_facts.Origin: lambda run: repo.origin(run.tag, run.commit),
            git_facts.TreeFiles: lambda run: tree_files(repo.tree(run.tag)),
            git_facts.Automation: lambda run: automation(repo.tree(run.tag)),
            git_facts.Branches: lambda _run: branches(repo.top, repo.config.release.main),
            git_facts.Protection: lambda _run: protection(repo.top, repo.config.release.main),
            git_facts.Hooks: lambda _run: hooks_of(repo.top),
            git_facts.LastRelease: lambda run: history.last_release(run.tag, run.commit),
            git_facts.Messages: lambda run: history.messages(run.tag, run.commit),
            secrets_facts.Secrets: lambda run: history.secrets(run.tag, run.commit, whole=whole_history),
            git_facts.Signature: lambda run: history.signature(run.tag),
            compose_facts.ComposeFile: lambda run: read_compose(repo.tree(run.tag), repo.config),
            dockerfile_facts.Dockerfile: lambda run: read_build(repo.tree(run.tag), repo.config),
            dependencies_facts.Locks: lambda run: repo.locks(run.tag),
            dependencies_facts.Declared: lambda run: repo.declared(run.tag),
            environment_facts.EnvExample: lambda run: repo.env_example(run.tag),
            environment_facts.EnvSource: lambda run: repo.env_source(run.tag),
            f.Attested: lambda run: repo.attested(run.tag),
            CgmpReport: lambda run: (
                report(run.tag) or f.Unseen("no stage has run on this tree", "l9 cgmp", not_yet=True)
            ),
        }

    def __call__(self, run: Run, kinds: frozenset[type]) -> f.Facts:
        """Observe these kinds for that run."""
        observed: dict[type, object] = {}
        self._forget()

        def observe(kind: type) -> None:
            observed[kind] = self._observe(run, kind)

        run_concurrently([partial(observe, kind) for kind in kinds])
        return f.Facts(observed)

    def _observe(self, run: Run, kind: type) -> object:
        if not run.tag and kind in OF_A_TAG:
            return f.Unseen("HEAD has no release tag yet", "l9 release", not_yet=True)
        if not run.commit and kind in OF_A_COMMIT:
            remedy = "git tag" if run.tag else "git add --all && git commit"
            name, wanted = run.tag or "HEAD", "a commit with the files of a release"
            return f.Unseen(f"{name} is not a commit", remedy, wanted)
        try:
            return self._lookers[kind](run)
        except L9Error as error:
            return f.Unseen(error.summary, error.remedy, error.expected)
