"""The pushes that a repository accepts: main by reviewed merges, release tags once and for ever (spec 1.3, 3.1, 3.3).

The same rules apply before a push (pre-push) and at the receiving repository (pre-receive).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from shlex import quote

import msgspec

from l9.checks.git.versions import MAX_TAG_CHARS, TagFormat, check_tag_name

BRANCHES, TAGS = "refs/heads/", "refs/tags/"
_ADDRESS = re.compile(r"<([^<>]*)>\s*$")


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules for pushes, named as in `[release]` of l9.toml.

    review: required (a merge with `Reviewed-by:` of a person who is not an author), merge (a merge is enough), none
    (direct commits to main are allowed). other_tags: patterns of tags that are not releases and that have no rules.
    """

    main: str = "main"
    tag: str = "v<major>.<minor>.<patch>-l9"
    other_tags: tuple[str, ...] = ()
    signatures: str = "optional"
    review: str = "required"


class MainCommit(msgspec.Struct, frozen=True, kw_only=True):
    """One new commit of main's own (first-parent) history. Authors and reviewers are addresses.

    `authors`: those of the merged commits. `changes`: its content differs from git's own merge of its parents.
    """

    id: str
    subject: str = ""
    parents: tuple[str, ...] = ()
    author: str = ""
    authors: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    changes: bool = False


class PushedTag(msgspec.Struct, frozen=True, kw_only=True):
    """The object of a pushed tag. `kind` is its type (tag; of a lightweight tag, another).

    `of` is the type of an annotated tag's target, and `name` the name in the tag object; `on_main` refers to main
    after the push. signature: none, good, unchecked (no key to verify it with), or the problem with it.
    """

    kind: str
    of: str = "commit"
    name: str = ""
    on_main: bool = False
    signature: str = "none"


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One reference that is to change; `old` and `new` are empty if there is none.

    `commits`: the new commits of main, oldest first; `follows`: the oldest one's first parent is `old`.
    `unseen`: the reason for which they could not be read, and `remedy` a command to type.
    """

    ref: str
    old: str = ""
    new: str = ""
    forward: bool = True
    follows: bool = True
    commits: tuple[MainCommit, ...] = ()
    tag: PushedTag | None = None
    unseen: str = ""
    remedy: str = ""

    @property
    def tag_name(self) -> str:
        return self.ref.removeprefix(TAGS) if self.ref.startswith(TAGS) else ""


class Refusal(msgspec.Struct, frozen=True):
    """The reason for which a reference may not change; `remedy` is a command for the person who pushes."""

    ref: str
    rule: str
    expected: str
    found: str
    remedy: str


Finding = tuple[str, str, str]
"""Expected, found, and remedy."""
Check = Callable[[Update, Policy], Finding | None]


def judge_push(updates: Iterable[Update], policy: Policy) -> tuple[Refusal, ...]:
    """Return every refusal, at most one per reference; none if the whole push is accepted.

    References other than main and tags have no rules. Raises nothing.
    """
    refusals = []
    for update in updates:
        for rule, check in _rules_for(update, policy):
            if found := check(update, policy):
                refusals.append(Refusal(update.ref, rule, *found))
                break
    return tuple(refusals)


def governed(ref: str, policy: Policy) -> bool:
    """True if any rule applies to that reference."""
    return bool(_rules_for(Update(ref=ref), policy))


def address(trailer: str) -> str:
    """The mail address of `Name <address>`, in lower case; the whole text if there is none."""
    found = _ADDRESS.search(trailer)
    return (found[1] if found else trailer).strip().lower()


def _rules_for(update: Update, policy: Policy) -> tuple[tuple[str, Check], ...]:
    if update.ref == BRANCHES + policy.main:
        return MAIN_RULES
    name = update.tag_name
    if not name:
        return ()
    is_release = TagFormat(policy.tag).parse(name) is not None
    free = not is_release and any(fnmatchcase(name, pattern) for pattern in policy.other_tags)
    return () if free else TAG_RULES


# ── main ─────────────────────────────────────────────────────────────────────────────────────────


def _main_stays(update: Update, policy: Policy) -> Finding | None:
    if update.new:
        return None
    return f"{policy.main} must not be deleted", "a deletion", f"git fetch origin {quote(policy.main)}"


def _main_was_seen(update: Update, policy: Policy) -> Finding | None:
    if not update.unseen:
        return None
    return "readable commits", update.unseen, update.remedy or "git fsck"


def _main_goes_forward(update: Update, policy: Policy) -> Finding | None:
    if update.forward:
        return None
    found = f"{update.new[:12]} does not contain {update.old[:12]}, which is published"
    return f"a fast-forward of {policy.main}", found, f"git pull --no-rebase origin {quote(policy.main)}"


def _main_takes_merges(update: Update, policy: Policy) -> Finding | None:
    """The first push of main is free: there is no history yet to keep."""
    if policy.review == "none" or not update.old:
        return None
    main, expected = quote(policy.main), f"merges of branches on {policy.main} (spec 3.1)"
    away = f"git switch --create feature/NAME && git branch --force {main} origin/{main}"
    for commit in update.commits:
        if len(commit.parents) < 2:
            return expected, f"{_named(commit)} is a direct commit", away
        if not commit.authors:
            return expected, f"{_named(commit)} merges nothing", away
    if not update.follows:
        found = f"a history that has {update.old[:12]} as a side branch"
        return f"merges into {policy.main}", found, f"git switch {main} && git merge --no-ff BRANCH"
    return None


def _merges_are_reviewed(update: Update, policy: Policy) -> Finding | None:
    if policy.review != "required" or not update.old:
        return None
    for commit in update.commits:
        authors = {*map(str.lower, commit.authors), *([commit.author.lower()] if commit.changes else [])}
        if any(reviewer not in authors for reviewer in map(str.lower, commit.reviewers)):
            continue
        reviewers = ", ".join(commit.reviewers)
        found = f"only by its own author, {reviewers}" if reviewers else "no Reviewed-by line"
        if commit.changes:
            found += ", and the merge itself changes something"
        return (
            "Reviewed-by: a person who is not an author (spec 3.1)",
            f"{_named(commit)}: {found}",
            "git commit --amend --no-edit --trailer 'Reviewed-by: NAME <ADDRESS>'",
        )
    return None


def _named(commit: MainCommit) -> str:
    return f"{commit.id[:12]} ({commit.subject})"


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────


def _tag_stays(update: Update, _policy: Policy) -> Finding | None:
    if update.new:
        return None
    return "a tag must not be deleted (spec 1.3)", "a deletion", _fetch(update)


def _tag_never_moves(update: Update, _policy: Policy) -> Finding | None:
    if not update.old:
        return None
    found = f"{update.new[:12]} instead of {update.old[:12]}"
    return "a tag must not be moved (spec 1.3)", found, _fetch(update)


def _tag_is_well_formed(update: Update, policy: Policy) -> Finding | None:
    name = update.tag_name
    if TagFormat(policy.tag).parse(name) is not None:
        return None
    reason = check_tag_name(name)
    found = f"{ref_name(name)}: {reason}" if reason else ref_name(name)
    return f"a tag like {policy.tag} (spec 3.3)", found, "git tag --list"


def _tag_was_seen(update: Update, _policy: Policy) -> Finding | None:
    if update.tag is not None:
        return None
    return "a readable object", update.unseen or "it was not read", update.remedy or "git fsck"


def _tag_is_annotated(update: Update, _policy: Policy) -> Finding | None:
    kind = _pushed(update).kind
    if kind == "tag":
        return None
    return "an annotated tag (spec 1.3)", f"a lightweight tag of a {kind}", _again(update.tag_name)


def _tag_names_a_commit(update: Update, _policy: Policy) -> Finding | None:
    of = _pushed(update).of
    if of == "commit":
        return None
    return "a tag of a commit", f"a tag of a {of}", _again(update.tag_name)


def _tag_says_its_name(update: Update, _policy: Policy) -> Finding | None:
    name = _pushed(update).name
    if name == update.tag_name:
        return None
    return (
        f"a tag object with the name {update.tag_name}",
        f"the name {ref_name(name)}",
        _again(update.tag_name),
    )


def _tag_is_on_main(update: Update, policy: Policy) -> Finding | None:
    if _pushed(update).on_main:
        return None
    push = f"git push --atomic origin {quote(policy.main)} {quote(update.tag_name)}"
    return f"a commit on {policy.main} (spec 3.1)", f"a commit that is not on {policy.main}", push


def _tag_is_signed(update: Update, policy: Policy) -> Finding | None:
    found = _pushed(update).signature
    if found == "good" or (found in ("none", "unchecked") and policy.signatures != "required"):
        return None
    texts = {"none": "no signature", "unchecked": "a signature without a key here to verify it"}
    return "a signature that verifies", texts.get(found, found), f"git verify-tag {quote(update.tag_name)}"


def _pushed(update: Update) -> PushedTag:
    assert update.tag is not None  # noqa: S101  # the rule before has checked it
    return update.tag


def _again(name: str) -> str:
    """The command that recreates the tag as an annotated one; it is not published yet, so that it may change."""
    return f"git tag --annotate --force {name} {name}^{{}} -m 'Release {name}: …'"


def _fetch(update: Update) -> str:
    ref = quote(f"+{update.ref}:{update.ref}")
    return f"git fetch origin {ref}"


def ref_name(name: str) -> str:
    """A name that is safe to print: short, and without control characters."""
    name = name if len(name) <= MAX_TAG_CHARS else name[:MAX_TAG_CHARS] + "…"
    return name if name.isprintable() else repr(name)


MAIN_RULES: tuple[tuple[str, Check], ...] = (
    ("main.stays", _main_stays),
    ("main.seen", _main_was_seen),
    ("main.goes-forward", _main_goes_forward),
    ("main.merges-only", _main_takes_merges),
    ("main.reviewed", _merges_are_reviewed),
)
TAG_RULES: tuple[tuple[str, Check], ...] = (
    ("tag.stays", _tag_stays),
    ("tag.never-moves", _tag_never_moves),
    ("tag.well-formed", _tag_is_well_formed),
    ("tag.seen", _tag_was_seen),
    ("tag.annotated", _tag_is_annotated),
    ("tag.of-a-commit", _tag_names_a_commit),
    ("tag.own-name", _tag_says_its_name),
    ("tag.on-main", _tag_is_on_main),
    ("tag.signed", _tag_is_signed),
)
