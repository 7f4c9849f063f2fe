"""Which pushes a repository takes: main by reviewed merges, release tags once and for ever (spec 1.3, 3.1, 3.3).

The same judgement before a push leaves (pre-push) and where it arrives (pre-receive).
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
    """What is demanded of a push; the same words as in `[release]` of l9.toml.

    review: required (a merge with `Reviewed-by:` by somebody who wrote nothing of it), merge (a merge is enough),
    none (commits may go straight to main). other_tags: patterns of tags that are no releases and that nothing
    is demanded of.
    """

    main: str = "main"
    tag: str = "v<major>.<minor>.<patch>-l9"
    other_tags: tuple[str, ...] = ()
    signatures: str = "optional"
    review: str = "required"


class MainCommit(msgspec.Struct, frozen=True, kw_only=True):
    """One commit that main's own (first-parent) history would get. Authors and reviewers are addresses.

    `authors`: of what it merges. `changes`: it holds something that its parents, merged by git, do not.
    """

    id: str
    subject: str = ""
    parents: tuple[str, ...] = ()
    author: str = ""
    authors: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    changes: bool = False


class PushedTag(msgspec.Struct, frozen=True, kw_only=True):
    """What a tag would name. `kind` is the object's (tag, or for a lightweight tag another).

    `of` is the kind of what an annotated tag names, and `name` the name in it; `on_main` as main would be after the
    push. signature: none, good, unchecked (nobody has a key to check it with), or what is wrong with it.
    """

    kind: str
    of: str = "commit"
    name: str = ""
    on_main: bool = False
    signature: str = "none"


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One reference that is to change; `old` and `new` are empty where there is nothing.

    `commits`: what main would get, oldest first, and `follows` whether the oldest stands right upon `old`.
    `unseen`: why all this could not be looked at, and `remedy` what to type then.
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
    """Why a reference may not change so; `remedy` is a command for who pushes."""

    ref: str
    rule: str
    expected: str
    found: str
    remedy: str


Finding = tuple[str, str, str]
"""What was expected, what was found, and the remedy."""
Check = Callable[[Update, Policy], Finding | None]


def judge_push(updates: Iterable[Update], policy: Policy) -> tuple[Refusal, ...]:
    """Every refusal, at most one a reference; none when the whole push may go through.

    References other than main and tags are free. Raises nothing.
    """
    refusals = []
    for update in updates:
        for rule, check in _rules_for(update, policy):
            if found := check(update, policy):
                refusals.append(Refusal(update.ref, rule, *found))
                break
    return tuple(refusals)


def governed(ref: str, policy: Policy) -> bool:
    """Whether a rule asks anything of that reference, so that somebody has to look at it."""
    return bool(_rules_for(Update(ref=ref), policy))


def address(trailer: str) -> str:
    """The mail address of `Name <address>`, in lower case; the whole text where there is none."""
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
    return f"{policy.main} stays", "a deletion", f"git fetch origin {quote(policy.main)}"


def _main_was_seen(update: Update, policy: Policy) -> Finding | None:
    if not update.unseen:
        return None
    return "commits that can be looked at", update.unseen, update.remedy or "git fsck"


def _main_goes_forward(update: Update, policy: Policy) -> Finding | None:
    if update.forward:
        return None
    found = f"{update.new[:12]} leaves out {update.old[:12]}, which is published"
    return f"{policy.main} only goes forward", found, f"git pull --no-rebase origin {quote(policy.main)}"


def _main_takes_merges(update: Update, policy: Policy) -> Finding | None:
    """A new main is free: there is no history yet that it could keep to."""
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
        said = ", ".join(commit.reviewers)
        found = f"only by its own author, {said}" if said else "no such line"
        if commit.changes:
            found += ", and the merge itself changes something"
        return (
            "Reviewed-by: somebody who wrote nothing of it (spec 3.1)",
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
    return "a tag stays for ever (spec 1.3)", "a deletion", _fetch(update)


def _tag_never_moves(update: Update, _policy: Policy) -> Finding | None:
    if not update.old:
        return None
    found = f"{update.new[:12]} in place of {update.old[:12]}"
    return "a tag never moves (spec 1.3)", found, _fetch(update)


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
    return "an object that can be looked at", update.unseen or "nobody looked", update.remedy or "git fsck"


def _tag_is_annotated(update: Update, _policy: Policy) -> Finding | None:
    kind = _seen(update).kind
    if kind == "tag":
        return None
    return "an annotated tag (spec 1.3)", f"a lightweight one, of a {kind}", _again(update.tag_name)


def _tag_names_a_commit(update: Update, _policy: Policy) -> Finding | None:
    of = _seen(update).of
    if of == "commit":
        return None
    return "a tag of a commit", f"a tag of a {of}", _again(update.tag_name)


def _tag_says_its_name(update: Update, _policy: Policy) -> Finding | None:
    said = _seen(update).name
    if said == update.tag_name:
        return None
    return (
        f"a tag object that says {update.tag_name}",
        f"one that says {ref_name(said)}",
        _again(update.tag_name),
    )


def _tag_is_on_main(update: Update, policy: Policy) -> Finding | None:
    if _seen(update).on_main:
        return None
    push = f"git push --atomic origin {quote(policy.main)} {quote(update.tag_name)}"
    return f"a commit of {policy.main} (spec 3.1)", f"one that {policy.main} does not have", push


def _tag_is_signed(update: Update, policy: Policy) -> Finding | None:
    found = _seen(update).signature
    if found == "good" or (found in ("none", "unchecked") and policy.signatures != "required"):
        return None
    said = {"none": "no signature", "unchecked": "a signature that nobody here has a key for"}
    return "a signature that verifies", said.get(found, found), f"git verify-tag {quote(update.tag_name)}"


def _seen(update: Update) -> PushedTag:
    assert update.tag is not None  # noqa: S101  # the rule before asked for it
    return update.tag


def _again(name: str) -> str:
    """The same name for an annotated tag; it is not published yet, so that it may still be made anew."""
    return f"git tag --annotate --force {name} {name}^{{}} -m 'Release {name}: …'"


def _fetch(update: Update) -> str:
    ref = quote(f"+{update.ref}:{update.ref}")
    return f"git fetch origin {ref}"


def ref_name(name: str) -> str:
    """A name as it may be printed: short, and without what moves a cursor."""
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
