"""Invariants of the repository (spec 1.3, GIT REPOSITORY)."""

from __future__ import annotations

from shlex import quote

from l9.checks.context import Context
from l9.checks.git.facts import LastRelease, Messages, Origin, Signature, TreeFiles
from l9.checks.git.messages import check_message, references
from l9.checks.git.versions import TagFormat
from l9.checks.git.workspace_invariants import listed
from l9.checks.secrets.facts import Leak, Secrets
from l9.core.facts import Facts, Tag
from l9.core.invariant import Weight, invariant
from l9.core.verdict import Fail, Pass, Unknown, Verdict


@invariant("repository.tag-exists", Tag, why="only tagged commits are deployed", clause="spec 1.3 git")
def TAG_EXISTS(facts: Facts, context: Context) -> Verdict:
    tag = facts.the(Tag)
    if tag.commit:
        return Pass(f"{tag.name} is {tag.commit[:12]}")
    name = context.run.tag
    if tag.object_id:
        return Fail("a tag of a commit", "a tag of something else", f"git tag -d {name}")
    return Fail(f"a tag {name}", "no such tag", f"git tag -a {name} -m 'Release {name}: …'")


@invariant(
    "repository.tag-annotated",
    Tag,
    why="an annotated tag records who released, when and why; a lightweight tag does not",
    clause="spec 1.3 git",
)
def TAG_ANNOTATED(facts: Facts, context: Context) -> Verdict:
    tag = facts.the(Tag)
    if tag.kind == "tag":
        return Pass(f"annotated by {tag.tagger or 'an unknown tagger'}")
    name = context.run.tag
    if tag.kind == "absent":
        return Fail("an annotated tag", "no such tag", f"git tag -a {name} -m 'Release {name}: …'")
    if tag.annotated_at_origin:
        ref = f"refs/tags/{name}"
        found = "a lightweight tag here, an annotated one of the same commit on origin"
        return Fail("an annotated tag", found, f"git fetch --force origin {ref}:{ref}")
    return Fail(
        "an annotated tag",
        "a lightweight tag",
        f"git tag -a -f {name} {name}^{{}} -m 'Release {name}: …'",
    )


@invariant(
    "repository.tree-complete",
    TreeFiles,
    why="content outside the tag (submodules, Git LFS) can differ between the tests and production",
    clause="spec 5.1 step 5",
)
def TREE_COMPLETE(facts: Facts, _context: Context) -> Verdict:
    tree = facts.the(TreeFiles)
    if not tree.refused:
        return Pass(f"{tree.count} plain files")
    return Fail("only plain files, all in the tag", tree.refused, tree.remedy)


@invariant(
    "repository.tag-on-main",
    Tag,
    why="an orphaned commit was not reviewed on its way to main",
    clause="spec 1.3 git",
)
def TAG_ON_MAIN(facts: Facts, context: Context) -> Verdict:
    tag = facts.the(Tag)
    main = context.settings.release.main
    if tag.on_main:
        return Pass(f"reachable from {main}")
    return Fail(
        f"reachable from {main}", f"{tag.commit[:12]} is not an ancestor of {main}", f"git merge {tag.name}"
    )


@invariant(
    "repository.tag-message",
    Tag,
    why="the message is the audit trail of the release",
    clause="spec 3.2",
)
def TAG_MESSAGE(facts: Facts, context: Context) -> Verdict:
    message = facts.the(Tag).message.strip()
    if message:
        return Pass(message.splitlines()[0])
    name = context.run.tag
    return Fail(
        "a tag message", "an empty message", f"git tag -a -f {name} {name}^{{}} -m 'Release {name}: …'"
    )


@invariant(
    "repository.tag-message-form",
    Tag,
    why="first lines of one form are quick to scan during an incident",
    clause="spec 3.2, 3.3",
    weight=Weight.ADVICE,
)
def TAG_MESSAGE_FORM(facts: Facts, _context: Context) -> Verdict:
    tag = facts.the(Tag)
    wrong = [finding.text for finding in check_message(tag.message)]
    if not wrong:
        return Pass("type, imperative, at most 50 characters")
    return Fail("Release TAG: Imperative, at most 50 characters", wrong[0], f"git show --no-patch {tag.name}")


@invariant(
    "repository.tag-newer",
    LastRelease,
    why="versions that go backwards make the newest release hard to identify",
    clause="spec 3.3",
    weight=Weight.RULE,
)
def TAG_NEWER(facts: Facts, context: Context) -> Verdict:
    last, form = facts.the(LastRelease).tag, TagFormat(context.settings.release.tag)
    if not context.run.tag:
        return Unknown("HEAD has no release tag yet", "l9 release", not_yet=True)
    if last is None:
        return Pass("the first release")
    before, mine = form.parse(last), form.parse(context.run.tag)
    if before is None or mine is None or before < mine:
        return Pass(f"newer than {last}")
    better = form.bump(before, "patch")
    remedy = f"git tag -a {better} {context.run.tag}^{{}} -m 'Release {better}: …'"
    return Fail(f"a version above {last}, which is in the tag's history", context.run.tag, remedy)


@invariant(
    "repository.commit-messages",
    Messages,
    why="a commit without a message cannot be understood when it has to be reverted",
    clause="spec 1.3 git",
)
def COMMIT_MESSAGES(facts: Facts, _context: Context) -> Verdict:
    messages = facts.the(Messages)
    silent = [one.commit[:12] for one in messages.commits if not one.text.strip()]
    if silent:
        return Fail(
            "a message in every commit",
            f"no message in {listed(tuple(silent))}",
            f"git rebase --interactive {silent[-1]}^",
        )
    count, named = len(messages.commits), sum(bool(references(one.text)) for one in messages.commits)
    return Pass(f"{_commits(messages)}, none empty; {named} of {count} name an issue")


@invariant(
    "repository.commit-form",
    Messages,
    why="the log must say years later what changed and why",
    clause="spec 3.2",
    weight=Weight.ADVICE,
)
def COMMIT_FORM(facts: Facts, _context: Context) -> Verdict:
    messages = facts.the(Messages)
    wrong = [
        f"{one.commit[:12]} {finding.text}"
        for one in messages.commits
        for finding in check_message(one.text)[:1]
        if one.parents < 2
    ]
    if not wrong:
        return Pass(f"{_commits(messages)} in the form Type: Imperative, at most 50 characters")
    found, log = f"{len(wrong)} of another form; {wrong[0]}", tuple(wrong[:20])
    remedy = f"git log --oneline {messages.since or 'HEAD^'}..HEAD"
    return Fail("every commit as Type: Imperative, at most 50 characters", found, remedy, log)


def _commits(messages: Messages) -> str:
    if messages.since is None:
        return "the first release's commit"
    older = ", older ones not read" if messages.more else ""
    return f"{len(messages.commits)} commits since {messages.since}{older}"


@invariant(
    "repository.tag-signature",
    Signature,
    why="a signature that does not verify was not made by an allowed signer",
    clause="spec 5.1 step 1",
)
def TAG_SIGNATURE(facts: Facts, context: Context) -> Verdict:
    seen, name = facts.the(Signature), context.run.tag
    if seen.state == "good":
        return Pass(f"signed by {seen.by}")
    if seen.state == "none" and context.settings.release.signatures != "required":
        return Pass("not signed; a signature is not required")
    if seen.state == "unverified" and context.settings.release.signatures != "required":
        return Pass(f"signed, signer not verified: {seen.why}; a signature is not required")
    if seen.state == "none":
        return Fail("a signed tag", "no signature", f"git tag -s -f {name} {name}^{{}}")
    return Fail("a signature that verifies", seen.why, seen.remedy or f"git tag -v {name}")


@invariant(
    "repository.no-secrets",
    Secrets,
    why="everyone who can read the repository has every key that was ever in it",
    clause="spec 1.3 git",
)
def NO_SECRETS(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(Secrets)
    where = (
        "the whole history"
        if seen.history
        else f"the changes since {seen.since}"
        if seen.since
        else "the tree"
    )
    leaks = [leak for leak in seen.leaks if seen.history or not leak.pushed]
    if not leaks:
        late = [leak for leak in seen.leaks if leak.pushed]
        note = f"; {_format_leak(late[0])} was removed after it was pushed: rotate it" if late else ""
        unread = f"; not read: {listed(seen.skipped, 3)}" if seen.skipped else ""
        return Pass(f"none found in {where}{note}{unread}")
    first = leaks[0]
    remedy = (
        f"git rebase --interactive {first.commit}^"
        if first.gone
        else f"$EDITOR {quote(first.path if first.path.isprintable() else '.')}"
    )
    log = (
        FALSE_ALARM,
        "a real secret that was pushed is known to others: rotate it",
        *map(_format_leak, leaks[1:20]),
    )
    return Fail(f"no secrets in {where}", f"{len(leaks)} found; {_format_leak(first)}", remedy, log)


FALSE_ALARM = "false positive: end the line with `# pragma: allowlist secret`, or add it to .secrets.baseline"


def _format_leak(leak: Leak) -> str:
    """The place and kind of a leak; never its value."""
    return f"{listed((leak.path,))}:{leak.line} {leak.kind}" + (
        f" in {leak.commit[:12]}" if leak.commit else ""
    )


@invariant(
    "repository.tag-on-origin",
    Tag,
    Origin,
    why="the host fetches releases from origin; another object under the same name is an alarm",
    clause="spec 1.2 TAG-IN-GIT",
)
def TAG_ON_ORIGIN(facts: Facts, _context: Context) -> Verdict:
    tag, origin = facts.the(Tag), facts.the(Origin)
    if origin.url is None:
        return Fail("a remote named origin", "none", "git remote add origin URL")
    if tag.object_id and origin.tag_object == tag.object_id:
        return Pass(f"the same object {tag.object_id[:12]} on origin")
    wanted, look = f"{tag.name} is {str(tag.object_id)[:12]} on origin", f"git ls-remote origin {tag.name}"
    if origin.tag_object:
        return Fail(wanted, f"{origin.tag_object[:12]} (moved!)", look)
    return Unknown("no such tag on origin yet", look, wanted, not_yet=True)  # a deploy pushes it


@invariant(
    "repository.main-on-origin",
    Tag,
    Origin,
    why="the host and the reviewers must be able to see the commits",
    clause="spec 1.2 TAG-IN-GIT",
)
def MAIN_ON_ORIGIN(facts: Facts, context: Context) -> Verdict:
    tag, origin = facts.the(Tag), facts.the(Origin)
    main = context.settings.release.main
    if origin.main_has_commit:
        return Pass(f"{tag.commit[:12]} is on origin/{main}")
    wanted, push = f"{tag.commit[:12]} on origin/{main}", f"git push origin {main}"
    return Unknown(f"not on origin/{main} yet", push, wanted, not_yet=True)  # a deploy pushes it
