"""Makes the next release: chooses or checks its version, judges the gates, attests, and writes the tag."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from l9.catalogue import Judged
from l9.checks.api.openapi import ApiChange, compare
from l9.checks.git.facts import Messages
from l9.checks.git.next_release import (
    Bump,
    CommitChange,
    Proof,
    grown,
    needed,
    read_changes,
    smaller,
    tag_message,
)
from l9.checks.git.versions import TagFormat, Version
from l9.checks.pipeline.stages import CgmpReport
from l9.config.model import Config
from l9.core.facts import Tag
from l9.core.states import Substrate
from l9.drivers.files.lock import LockFile
from l9.drivers.git.releases import GitReleases
from l9.drivers.git.repo import GitRepo
from l9.drivers.signing.ssh_keys import find_key
from l9.errors import GateClosed, UsageError
from l9.operator.deploy import judge_repository, release_at_head
from l9.operator.pipeline.attest import attest
from l9.protocol.answers.releases import MadeRelease
from l9.protocol.caller import check_name, whoami

PARTS = ("major", "minor", "patch")
BEFORE_THE_HOST = (Substrate.WORKSPACE, Substrate.REPOSITORY)


def release(
    repo: GitRepo,
    config: Config,
    asked: str,
    stages: Callable[[], CgmpReport],
    *,
    sign: bool = False,
    dry_run: bool = False,
) -> MadeRelease:
    """Make the next release of HEAD; with `dry_run` no attestation and no tag is written.

    `asked` is a part of the version, a tag, or empty for the part that the changes need. `stages` runs CGMP on HEAD.
    Raises UsageError (nothing to release, an invalid version), GateClosed, ActionError.
    """
    if asked and asked not in PARTS:
        check_name(asked, config)
    lock = LockFile(repo.state() / "lock")
    lock.take(whoami(), "the gate before the next release's tag")
    try:
        return _release(repo, config, asked, stages, sign=sign, dry_run=dry_run)
    finally:
        lock.free()


def _release(
    repo: GitRepo, config: Config, asked: str, stages: Callable[[], CgmpReport], *, sign: bool, dry_run: bool
) -> MadeRelease:
    head, releases = repo.head(), GitReleases(repo.top, config)
    _refuse_nothing(repo, config, head)
    releases.refuse_behind(head.commit)
    last = _last(repo, config, head)
    messages = repo.history.messages("", head.commit)
    changes = read_changes(messages.commits)
    # Refuse as much as possible before the stages run, which may take minutes.
    _choose(repo, config, asked, last, _needed(changes, messages, None))
    known = repo.attested("")
    key = "" if known.signer else find_key(config.release.signing_key, repo.top)
    _refuse_closed(repo, config)
    report = stages()
    _refuse_red(report)
    _refuse_closed(repo, config)
    bump = _needed(changes, messages, _api(repo, last, report))
    tag = _choose(repo, config, asked, last, bump)
    if repo.head() != head or report.tree != head.tree:
        raise GateClosed(
            "HEAD moved while the stages ran",
            expected=head.commit[:12],
            found=repo.head().commit[:12],
            remedy="git reflog",
        )
    signer = known.signer or (key if dry_run else _attest(repo, config, report))
    proof = Proof(tuple((str(one.stage), one.found) for one in report.stages), head.tree, signer)
    message = tag_message(tag, changes, proof, last.tag if last else None)
    if not dry_run:
        must_sign = sign or config.release.signatures == "required"
        releases.make(tag, head.commit, message, sign=must_sign)
    return MadeRelease(
        tag=tag,
        commit=head.commit,
        tree=head.tree,
        previous=last.tag if last else None,
        needed=bump,
        message=message,
        signer=signer,
        dry_run=dry_run,
    )


def _attest(repo: GitRepo, config: Config, report: CgmpReport) -> str:
    """Attest the tree of HEAD; return the signer. Raises GateClosed if the signer is not allowed."""
    fingerprint = attest(repo, config, report, "")
    attested = repo.attested("")
    if config.release.require_attestation and attested.signer is None:
        raise GateClosed(
            "the attestation would not be accepted, and no tag was written",
            expected="a signature by an allowed signer",
            found=f"{attested.problem} ({fingerprint})",
            remedy=attested.remedy
            if attested.unseen
            else f"$EDITOR {shlex.quote(config.release.allowed_signers)}",
        )
    return attested.signer or fingerprint


def _refuse_nothing(repo: GitRepo, config: Config, head: Tag) -> None:
    if not head.commit:
        raise UsageError(
            "nothing to release",
            expected="a commit",
            found="no commits yet",
            remedy="git add --all && git commit",
        )
    if there := release_at_head(repo, config):
        raise UsageError(
            f"HEAD is already released as {there}",
            expected="commits since the last release",
            found=f"{there} is {head.commit[:12]}",
            remedy=f"l9 deploy {there}",
        )


def _last(repo: GitRepo, config: Config, head: Tag) -> Version | None:
    last = repo.history.last_release("", head.commit)
    return TagFormat(config.release.tag).parse(last.tag) if last.tag else None


def _api(repo: GitRepo, last: Version | None, report: CgmpReport) -> ApiChange | None:
    """Compare the API with that of the last release; None if one of the two documents is not known."""
    if report.api is not None:
        return report.api
    before = repo.notes.openapi(repo.tag(last.tag).tree) if last else None
    return compare(before, report.openapi) if before and report.openapi else None


def _needed(changes: tuple[CommitChange, ...], messages: Messages, api: ApiChange | None) -> Bump:
    if messages.since is None:
        return Bump("none", ("first release",))
    return needed(changes, api)


def _choose(repo: GitRepo, config: Config, asked: str, last: Version | None, bump: Bump) -> str:
    """Return the requested tag, or the one that the changes need. Raises UsageError if it is too low or exists."""
    form = TagFormat(config.release.tag)
    least = bump.level if bump.level in PARTS else "patch"
    tag = form.bump(last, asked or least) if asked in ("", *PARTS) else asked
    version = form.parse(tag)
    if version is None:
        raise UsageError(
            f"{tag} is not a release tag", expected=f"a tag like {form.pattern}", found=tag, remedy="git tag"
        )
    if last is not None and version <= last:
        raise UsageError(
            f"{tag} is not newer than the last release",
            expected=f"a version after {last.tag}, such as {form.bump(last, least)}",
            found=tag,
            remedy="l9 releases",
        )
    enough = form.parse(form.bump(last, least)) if last else None
    if last and enough and smaller(grown(last, version), grown(last, enough)):
        raise UsageError(
            f"{tag} is too small for the changes since {last.tag}",
            expected=f"{least}: {'; '.join(bump.reasons)}",
            found=f"{grown(last, version)}: {tag}",
            remedy=f"l9 release {least}",
        )
    if tag in repo.tags():
        raise UsageError(
            f"tag {tag} already exists, and a tag is never moved",
            expected="a new tag name",
            found=f"{tag} is {repo.tag(tag).commit[:12]}",
            remedy=f"git show {tag}",
        )
    return tag


def _refuse_closed(repo: GitRepo, config: Config) -> None:
    """Refuse if an invariant closes; those that need a tag are pending. Raises GateClosed."""
    _, judged = judge_repository(repo, config, "", BEFORE_THE_HOST)
    if closing := [one for one in judged if one.closes]:
        raise _closed(closing)


def _closed(closing: list[Judged]) -> GateClosed:
    first = closing[0]
    return GateClosed(
        "the gate before the tag is closed, and no tag was written",
        expected=first.expected or first.id,
        found=f"{first.id}: {first.found}",
        remedy=first.remedy,
        log=tuple(f"{one.id}: {one.found}" for one in closing[1:]) + first.log,
    )


def _refuse_red(report: CgmpReport) -> None:
    if report.passed:
        return
    red = next((one for one in report.stages if not one.ok), None)
    raise GateClosed(
        "CGMP is not green, and no tag was written",
        expected="fix, sim, cov and oracle green",
        found=f"{red.stage}: {red.found}" if red else "not all stages ran",
        remedy=red.command if red else "l9 cgmp",
        log=red.tail if red else (),
    )
