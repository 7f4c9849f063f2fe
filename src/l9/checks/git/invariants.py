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
    why="an annotated tag says who released, when and why; a lightweight one says nothing",
    clause="spec 1.3 git",
)
def TAG_ANNOTATED(facts: Facts, context: Context) -> Verdict:
    tag = facts.the(Tag)
    if tag.kind == "tag":
        return Pass(f"annotated by {tag.tagger or 'nobody'}")
    name = context.run.tag
    if tag.kind == "absent":
        return Fail("an annotated tag", "no such tag", f"git tag -a {name} -m 'Release {name}: …'")
    if tag.annotated_at_origin:
        ref = f"refs/tags/{name}"
        found = "a lightweight tag here, and an annotated one of the same commit on origin"
        return Fail("an annotated tag", found, f"git fetch --force origin {ref}:{ref}")
    return Fail(
        "an annotated tag",
        "a lightweight tag",
        f"git tag -a -f {name} {name}^{{}} -m 'Release {name}: …'",
    )


@invariant(
    "repository.tree-complete",
    TreeFiles,
    why="what a tag does not contain (submodules, Git LFS) differs between the tests and production",
    clause="spec 5.1 step 5",
)
def TREE_COMPLETE(facts: Facts, _context: Context) -> Verdict:
    tree = facts.the(TreeFiles)
    if not tree.refused:
        return Pass(f"{tree.count} plain files")
    return Fail("plain files, all of them in the tag", tree.refused, tree.remedy)


@invariant(
    "repository.tag-on-main",
    Tag,
    why="an orphaned commit was never reviewed on its way to main",
    clause="spec 1.3 git",
)
def TAG_ON_MAIN(facts: Facts, context: Context) -> Verdict:
    tag = facts.the(Tag)
    main = context.settings.release.main
    if tag.on_main:
        return Pass(f"reachable from {main}")
    return Fail(
        f"reachable from {main}", f"{tag.commit[:12]} is not an ancestor of it", f"git merge {tag.name}"
    )


@invariant(
    "repository.tag-message",
    Tag,
    why="the message is the audit trail when somebody asks why",
    clause="spec 3.2",
)
def TAG_MESSAGE(facts: Facts, context: Context) -> Verdict:
    message = facts.the(Tag).message.strip()
    if message:
        return Pass(message.splitlines()[0])
    name = context.run.tag
    return Fail("a message", "an empty one", f"git tag -a -f {name} {name}^{{}} -m 'Release {name}: …'")


@invariant(
    "repository.tag-message-form",
    Tag,
    why="a first line in one form is what people can scan when production burns",
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
    why="versions that go backwards make the newest release hard to tell",
    clause="spec 3.3",
    weight=Weight.RULE,
)
def TAG_NEWER(facts: Facts, context: Context) -> Verdict:
    last, form = facts.the(LastRelease).tag, TagFormat(context.settings.release.tag)
    if not context.run.tag:
        return Unknown("HEAD carries no release tag yet", "l9 release", not_yet=True)
    if last is None:
        return Pass("the first release")
    before, mine = form.parse(last), form.parse(context.run.tag)
    if before is None or mine is None or before < mine:
        return Pass(f"newer than {last}")
    better = form.bump(before, "patch")
    remedy = f"git tag -a {better} {context.run.tag}^{{}} -m 'Release {better}: …'"
    return Fail(f"a version above {last}, which is in its history", context.run.tag, remedy)


@invariant(
    "repository.commit-messages",
    Messages,
    why="a commit that says nothing cannot be understood when it has to be taken back",
    clause="spec 1.3 git",
)
def COMMIT_MESSAGES(facts: Facts, _context: Context) -> Verdict:
    messages = facts.the(Messages)
    silent = [one.commit[:12] for one in messages.commits if not one.text.strip()]
    if silent:
        return Fail(
            "a message in every commit",
            f"none in {listed(tuple(silent))}",
            f"git rebase --interactive {silent[-1]}^",
        )
    count, named = len(messages.commits), sum(bool(references(one.text)) for one in messages.commits)
    return Pass(f"{_commits(messages)}, none empty; {named} of {count} name an issue")


@invariant(
    "repository.commit-form",
    Messages,
    why="what changed, and why, is read from the log years later",
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
    found, log = f"{len(wrong)} are not; {wrong[0]}", tuple(wrong[:20])
    remedy = f"git log --oneline {messages.since or 'HEAD^'}..HEAD"
    return Fail("every commit as Type: Imperative, at most 50 characters", found, remedy, log)


def _commits(messages: Messages) -> str:
    if messages.since is None:
        return "the first release's commit"
    older = ", the older ones unread" if messages.more else ""
    return f"{len(messages.commits)} commits since {messages.since}{older}"


@invariant(
    "repository.tag-signature",
    Signature,
    why="a signature that does not verify was made by somebody else",
    clause="spec 5.1 step 1",
)
def TAG_SIGNATURE(facts: Facts, context: Context) -> Verdict:
    seen, name = facts.the(Signature), context.run.tag
    if seen.state == "good":
        return Pass(f"signed by {seen.by}")
    if seen.state == "none" and context.settings.release.signatures != "required":
        return Pass("not signed, and not required to be")
    if seen.state == "unverified" and context.settings.release.signatures != "required":
        return Pass(f"signed, by whom is not verified: {seen.why}; not required to be")
    if seen.state == "none":
        return Fail("a signed tag", "no signature", f"git tag -s -f {name} {name}^{{}}")
    return Fail("a signature that verifies", seen.why, seen.remedy or f"git tag -v {name}")


@invariant(
    "repository.no-secrets",
    Secrets,
    why="whoever can read the repository has every key that ever was in it",
    clause="spec 1.3 git",
)
def NO_SECRETS(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(Secrets)
    where = (
        "the whole history"
        if seen.history
        else f"what was added since {seen.since}"
        if seen.since
        else "the tree"
    )
    leaks = [leak for leak in seen.leaks if seen.history or not leak.pushed]
    if not leaks:
        late = [leak for leak in seen.leaks if leak.pushed]
        note = f"; {_told(late[0])} was taken away after it was pushed: make a new one" if late else ""
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
        "a real one that was pushed is known to others: make a new one",
        *map(_told, leaks[1:20]),
    )
    return Fail(f"no secrets in {where}", f"{len(leaks)} found; {_told(first)}", remedy, log)


FALSE_ALARM = "a false alarm: end the line with `# pragma: allowlist secret`, or name it in .secrets.baseline"


def _told(leak: Leak) -> str:
    """Where and of what kind; never what it is."""
    return f"{listed((leak.path,))}:{leak.line} {leak.kind}" + (
        f" in {leak.commit[:12]}" if leak.commit else ""
    )


@invariant(
    "repository.tag-on-origin",
    Tag,
    Origin,
    why="the host takes releases from origin; another object under the same name is an alarm",
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
    return Unknown("no such tag there", look, wanted, not_yet=True)  # a deploy pushes it


@invariant(
    "repository.main-on-origin",
    Tag,
    Origin,
    why="the commits must be where the host and the reviewers see them",
    clause="spec 1.2 TAG-IN-GIT",
)
def MAIN_ON_ORIGIN(facts: Facts, context: Context) -> Verdict:
    tag, origin = facts.the(Tag), facts.the(Origin)
    main = context.settings.release.main
    if origin.main_has_commit:
        return Pass(f"{tag.commit[:12]} is on origin/{main}")
    wanted, push = f"{tag.commit[:12]} on origin/{main}", f"git push origin {main}"
    return Unknown(f"origin's {main} lacks it", push, wanted, not_yet=True)  # a deploy pushes it
