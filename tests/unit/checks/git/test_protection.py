"""Test cases for refused pushes, each with its rule and its remedy."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from l9.checks.git.protection import (
    MAIN_RULES,
    TAG_RULES,
    MainCommit,
    Policy,
    PushedTag,
    Update,
    address,
    governed,
    judge_push,
    ref_name,
)

TAG, ADA, BOB = "v1.0.0-l9", "ada@l9.invalid", "bob@l9.invalid"
OLD, NEW = "1" * 40, "2" * 40
MERGE = MainCommit(
    id=NEW, subject="Merge it", parents=(OLD, "3" * 40), author=BOB, authors=(ADA,), reviewers=(BOB,)
)
MAIN = Update(ref="refs/heads/main", old=OLD, new=NEW, commits=(MERGE,))
SEEN = PushedTag(kind="tag", name=TAG, on_main=True)
RELEASE = Update(ref=f"refs/tags/{TAG}", new=NEW, tag=SEEN)


def merge(**changed: Any) -> Update:
    return replace(MAIN, commits=(replace(MERGE, **changed),))


def tag(**changed: Any) -> Update:
    return replace(RELEASE, tag=replace(SEEN, **changed))


@pytest.mark.parametrize(
    ("update", "policy"),
    [
        (MAIN, Policy()),
        (RELEASE, Policy()),
        (replace(MAIN, old="", commits=(replace(MERGE, parents=()),)), Policy()),
        (replace(MAIN, commits=()), Policy()),
        (merge(reviewers=()), Policy(review="merge")),
        (merge(parents=(OLD,), reviewers=()), Policy(review="none")),
        (merge(changes=True, author=ADA), Policy()),
        (merge(changes=True, reviewers=(BOB, "eve@l9.invalid")), Policy()),
        (tag(signature="good"), Policy(signatures="required")),
        (tag(signature="unchecked"), Policy()),
        (Update(ref="refs/heads/feature/x", old=OLD, forward=False), Policy()),
        (Update(ref="refs/heads/main", old=OLD), Policy(main="trunk")),
        (Update(ref="refs/notes/l9/cgmp", old=OLD), Policy()),
        (Update(ref="refs/tags/nightly", old=OLD), Policy(other_tags=("night*",))),
    ],
)
def test_what_may_go_through(update: Update, policy: Policy) -> None:
    assert judge_push([update], policy) == ()


@pytest.mark.parametrize(
    ("update", "policy", "rule", "found", "remedy"),
    [
        (replace(MAIN, new=""), Policy(), "main.stays", "a deletion", "git fetch origin main"),
        (replace(MAIN, unseen="gone", remedy="git --version"), Policy(), "main.seen", "gone", "git --version"),
        (replace(MAIN, forward=False), Policy(review="none"), "main.goes-forward",
         "222222222222 does not contain 111111111111, which is published", "git pull --no-rebase origin main"),
        (merge(parents=(OLD,)), Policy(), "main.merges-only", "222222222222 (Merge it) is a direct commit",
         "git switch --create feature/NAME && git branch --force main origin/main"),
        (merge(authors=()), Policy(review="merge"), "main.merges-only", "222222222222 (Merge it) merges nothing",
         "git switch --create feature/NAME && git branch --force main origin/main"),
        (replace(MAIN, follows=False), Policy(), "main.merges-only",
         "a history that has 111111111111 as a side branch", "git switch main && git merge --no-ff BRANCH"),
        (merge(reviewers=()), Policy(), "main.reviewed", "222222222222 (Merge it): no Reviewed-by line",
         "git commit --amend --no-edit --trailer 'Reviewed-by: NAME <ADDRESS>'"),
        (merge(reviewers=("Ada@L9.invalid",)), Policy(), "main.reviewed",
         "222222222222 (Merge it): only by its own author, Ada@L9.invalid",
         "git commit --amend --no-edit --trailer 'Reviewed-by: NAME <ADDRESS>'"),
        (merge(changes=True), Policy(), "main.reviewed",
         "222222222222 (Merge it): only by its own author, bob@l9.invalid, and the merge itself changes something",
         "git commit --amend --no-edit --trailer 'Reviewed-by: NAME <ADDRESS>'"),
        (replace(RELEASE, new="", tag=None), Policy(), "tag.stays", "a deletion",
         f"git fetch origin +refs/tags/{TAG}:refs/tags/{TAG}"),
        (replace(RELEASE, old=OLD), Policy(), "tag.never-moves", "222222222222 instead of 111111111111",
         f"git fetch origin +refs/tags/{TAG}:refs/tags/{TAG}"),
        (replace(RELEASE, ref="refs/tags/v1"), Policy(), "tag.well-formed", "v1", "git tag --list"),
        (replace(RELEASE, ref="refs/tags/v1;x"), Policy(), "tag.well-formed",
         "v1;x: it holds a character that a shell gives a meaning to", "git tag --list"),
        (replace(RELEASE, ref="refs/tags/v1.0.0-l9", tag=None), Policy(other_tags=("*",)), "tag.seen",
         "it was not read", "git fsck"),
        (tag(kind="commit", of="commit"), Policy(), "tag.annotated", "a lightweight tag of a commit",
         f"git tag --annotate --force {TAG} {TAG}^{{}} -m 'Release {TAG}: …'"),
        (tag(of="tag"), Policy(), "tag.of-a-commit", "a tag of a tag",
         f"git tag --annotate --force {TAG} {TAG}^{{}} -m 'Release {TAG}: …'"),
        (tag(name="v9\x1b"), Policy(), "tag.own-name", "the name 'v9\\x1b'",
         f"git tag --annotate --force {TAG} {TAG}^{{}} -m 'Release {TAG}: …'"),
        (tag(on_main=False), Policy(), "tag.on-main", "a commit that is not on main",
         f"git push --atomic origin main {TAG}"),
        (tag(), Policy(signatures="required"), "tag.signed", "no signature", f"git verify-tag {TAG}"),
        (tag(signature="unchecked"), Policy(signatures="required"), "tag.signed",
         "a signature without a key here to verify it", f"git verify-tag {TAG}"),
        (tag(signature="by somebody else"), Policy(), "tag.signed", "by somebody else", f"git verify-tag {TAG}"),
    ],
)  # fmt: skip
def test_what_is_refused(update: Update, policy: Policy, rule: str, found: str, remedy: str) -> None:
    (refused,) = judge_push([update], policy)
    assert (refused.ref, refused.rule, refused.found, refused.remedy) == (update.ref, rule, found, remedy)
    assert refused.expected


def test_every_rule_has_a_case() -> None:
    (cases,) = (m for m in test_what_is_refused.pytestmark if m.name == "parametrize")  # type: ignore[attr-defined]
    assert {case[2] for case in cases.args[1]} == {name for name, _ in (*MAIN_RULES, *TAG_RULES)}


def test_each_reference_of_a_push_is_judged() -> None:
    push = [MAIN, replace(RELEASE, new=""), merge(parents=(OLD,)), Update(ref="refs/heads/x", new=NEW)]
    assert [one.rule for one in judge_push(push, Policy())] == ["tag.stays", "main.merges-only"]
    assert judge_push([], Policy()) == ()


def test_what_has_rules() -> None:
    policy = Policy(other_tags=("nightly",))
    assert governed("refs/heads/main", policy)
    assert governed("refs/tags/v1.0.0-l9", policy)
    assert governed("refs/tags/x", policy)
    assert not governed("refs/tags/nightly", policy)
    assert not governed("refs/heads/mainline", policy)


@pytest.mark.parametrize(
    ("trailer", "found"),
    [("Bob <Bob@L9.invalid>", BOB), (" bob@l9.invalid ", BOB), ("Bob <a@b> <bob@l9.invalid> ", BOB), ("Bob", "bob")],
)  # fmt: skip
def test_addresses(trailer: str, found: str) -> None:
    assert address(trailer) == found


def test_names_are_shown_short_and_without_what_moves_a_cursor() -> None:
    assert ref_name("a" * 200) == "a" * 128 + "…"
    assert ref_name("a\n") == "'a\\n'"
