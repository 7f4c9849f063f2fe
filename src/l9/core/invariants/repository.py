"""Invariants of the repository (spec 1.3, GIT REPOSITORY)."""

from __future__ import annotations

from l9.core.facts import Facts, Origin, Tag
from l9.core.invariants.invariant import Context, invariant
from l9.core.verdict import Fail, Pass, Unknown, Verdict


@invariant("repository.tag-exists", Tag, why="only tagged commits are deployed", clause="spec 1.3 git")
def TAG_EXISTS(facts: Facts, context: Context) -> Verdict:
    tag = facts.the(Tag)
    if tag.object_id:
        return Pass(f"{tag.name} is {tag.commit[:12]}")
    name = context.run.tag
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
    return Fail(
        "an annotated tag",
        "a lightweight tag",
        f"git tag -a -f {name} {name}^{{}} -m 'Release {name}: …'",
    )


@invariant(
    "repository.tag-on-main",
    Tag,
    why="an orphaned commit was never reviewed on its way to main",
    clause="spec 1.3 git",
)
def TAG_ON_MAIN(facts: Facts, context: Context) -> Verdict:
    tag = facts.the(Tag)
    main = str(context.run.settings.get("main", "main"))
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
    "repository.tag-signature",
    Tag,
    why="a signature that does not verify was made by somebody else",
    clause="spec 5.1 step 1",
)
def TAG_SIGNATURE(facts: Facts, context: Context) -> Verdict:
    tag = facts.the(Tag)
    if tag.signature == "good":
        return Pass("signature verified")
    if tag.signature == "none" and context.rules.signatures != "required":
        return Pass("not signed, and not required to be")
    found = "no signature" if tag.signature == "none" else f"signature {tag.signature}"
    return Fail("a signature that verifies", found, f"git tag -v {tag.name}")


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
    main = str(context.run.settings.get("main", "main"))
    if origin.main_has_commit:
        return Pass(f"{tag.commit[:12]} is on origin/{main}")
    wanted, push = f"{tag.commit[:12]} on origin/{main}", f"git push origin {main}"
    return Unknown(f"origin's {main} lacks it", push, wanted, not_yet=True)  # a deploy pushes it
