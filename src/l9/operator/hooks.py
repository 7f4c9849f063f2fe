"""Judges staged files, commit messages and pushes for the git hooks, by the same rules as `l9 check`."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from l9 import configuration as load
from l9.catalogue import catalogue
from l9.checks.compose import facts as compose_facts
from l9.checks.dependencies import facts as dependencies_facts
from l9.checks.dockerfile import facts as dockerfile_facts
from l9.checks.environment import facts as environment_facts
from l9.checks.git import facts as git_facts
from l9.checks.git.message_file import as_committed
from l9.checks.git.messages import check_message
from l9.checks.git.protection import BRANCHES, Policy, judge_push
from l9.checks.secrets import facts as secrets_facts
from l9.checks.secrets.history import secrets
from l9.config.model import Config
from l9.core.states import Stage
from l9.drivers.git.repo import GitRepo
from l9.drivers.git.runner import run
from l9.drivers.git.tree import GitTree
from l9.drivers.git_hooks import commands as git_hooks
from l9.drivers.git_hooks.files import find_places
from l9.drivers.git_hooks.push import GitPush
from l9.drivers.git_hooks.push_commands import RefChange, parse_pushed
from l9.drivers.git_hooks.staged import Staged, staged
from l9.drivers.signing.tags import signers_on_main
from l9.operator.deploy import judge_head
from l9.operator.hook_findings import of_invariants, of_refusals
from l9.operator.pipeline.pipeline import fix_commands, run_stages
from l9.operator.pipeline.tree_under_test import TreeUnderTest, base_of, runtimes_of
from l9.protocol.answers.hooks import HookFinding

TO_BE_SQUASHED = ("fixup! ", "squash! ", "amend! ")
# Facts that are read from the files of a tree, so that they can be observed before there is a commit.
OF_FILES = frozenset(
    {
        compose_facts.ComposeFile,
        dependencies_facts.Declared,
        dockerfile_facts.Dockerfile,
        environment_facts.EnvExample,
        dependencies_facts.Locks,
        secrets_facts.Secrets,
    }
)


def judge_staged(here: Path) -> list[HookFinding]:
    """Judge the index that the hook was called for, by the l9.toml in it.

    Without one (a branch that does not use l9) nothing is judged.
    """
    with staged(here) as place:
        text = GitTree(place.files, place.tree).text(load.FILE)
        if text is None:
            return [HookFinding(about=load.FILE, found="not in the index: nothing to check", closes=False)]
        repo = GitRepo(place.files, load.parse_any(text))
        needs = [need for need in catalogue() if OF_FILES.issuperset(need.observes)]
        given: dict[type, object] = {secrets_facts.Secrets: _secrets(repo, place)}
        return [*of_invariants(judge_head(repo, repo.config, needs, given)), *_fix(repo, place)]


def _secrets(repo: GitRepo, place: Staged) -> secrets_facts.Secrets:
    """Return the likely secrets in the staged changes; before the first commit, in all staged files."""
    since = git_facts.LastRelease("HEAD", place.parent) if place.parent else git_facts.LastRelease()
    found = secrets(place.files, repo.state(), place.commit, since, main=repo.config.release.main)
    return replace(found, leaks=tuple(replace(leak, commit="") for leak in found.leaks))


def _fix(repo: GitRepo, place: Staged) -> list[HookFinding]:
    """Run the stage FIX, or `[hooks] commands` in its place; an image is not built for a commit."""
    config, own = repo.config, repo.config.hooks.commands
    if own is not None:
        cgmp = replace(config.cgmp, fix=own, where="process", skip={})
        config = replace(config, cgmp=cgmp)
    elif "fix" in config.cgmp.skip or not fix_commands(repo, config, place.tree):
        return []
    elif runtimes_of(config).tests == "container":
        found = "runs in the release's image, with `l9 cgmp`; set [hooks] commands to run programs here"
        return [HookFinding(about="FIX", found=found, closes=False)]
    subject = TreeUnderTest(place.tree, place.tree, base_of(repo, config, ""))
    result = run_stages(repo, config, subject, (Stage.FIX,), lambda _line: None).of(Stage.FIX)
    if result is None or result.ok:
        return []
    return [HookFinding(about="FIX", found=result.found, closes=True, remedy=result.command, log=result.tail)]


def judge_message(here: Path, file: Path) -> list[HookFinding]:
    """Judge a message as git will keep it. Raises OSError if the file cannot be read.

    A guess (the form of a verb) is reported, and does not stop the commit.
    """
    done = run(git_hooks.message_settings(), cwd=here)
    settings = git_hooks.parse_settings(done.out) if done.code == 0 else {}
    message = as_committed(
        (here / file).read_text(encoding="utf-8", errors="replace"),
        edited=os.environ.get("GIT_EDITOR") != ":",  # git sets this when no editor is used (`git help hooks`)
        cleanup=settings.get("commit.cleanup", "default"),
        comment=settings.get("core.commentstring", settings.get("core.commentchar", "#")),
    )
    if message.startswith(TO_BE_SQUASHED):
        return []
    config = _config(here)
    strict = config is None or config.hooks.message_form == "required"
    retry = f"git commit --edit --file={shlex.quote(str(file))}"
    return [
        HookFinding(
            about="the message",
            found=one.text,
            closes=one.hard or (strict and not one.guess),
            expected="Type: Imperative, at most 50 characters (spec 3.2)",
            remedy=retry,
        )
        for one in check_message(message)
    ]


def judge_outgoing(here: Path, remote: str, refs: str) -> list[HookFinding]:
    """Judge a push to a remote (its name or address); `refs` is the input that git gives to a pre-push hook.

    Without an l9.toml (a branch that does not use l9) the spec's own rules apply.
    """
    config = _config(here)
    policy = load.policy(config) if config else Policy()
    with _signers(here, config) as signers:
        push = GitPush(
            here,
            policy,
            mains=(BRANCHES + policy.main, f"refs/remotes/{remote}/{policy.main}"),
            published=(f"refs/remotes/origin/{policy.main}",),
            allowed_signers=signers,
        )
        changes = parse_pushed(refs) or _refs_of_framework()
        return of_refusals(judge_push(push.look(changes), policy), policy)


def _config(here: Path) -> Config | None:
    """Load the working copy's l9.toml; None if there is none. Raises ConfigError."""
    top = Path(find_places(here).top or here)
    return load.load_any(top) if (top / load.FILE).exists() else None


@contextmanager
def _signers(here: Path, config: Config | None) -> Iterator[Path | None]:
    """Write the allowed signers to a temporary file; None if git's own configuration decides."""
    if config is None or not config.release.allowed_signers:
        yield None
        return
    found = signers_on_main(here, config)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="l9-signers-") as file:
        file.write(found if isinstance(found, str) else "")  # no signer is allowed if main lacks the file
        file.flush()
        yield Path(file.name)


def _refs_of_framework() -> list[RefChange]:
    """Return the reference that pre-commit and prek, which consume git's input, pass on in the environment."""
    env = os.environ.get
    if not (ref := env("PRE_COMMIT_REMOTE_BRANCH")):
        return []
    new = env("PRE_COMMIT_TO_REF") or env("PRE_COMMIT_LOCAL_BRANCH", "")
    # For a tag, `from` is a commit before it, not the object that origin has under that name.
    old = env("PRE_COMMIT_FROM_REF", "") if ref.startswith(BRANCHES) else ""
    return [RefChange(ref, old, new)]
