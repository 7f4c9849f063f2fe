"""The next release: how far its version has to grow and why, and what its tag says."""

from __future__ import annotations

import pytest

from l9.checks.api.openapi import ApiChange
from l9.checks.git.facts import CommitMessage
from l9.checks.git.messages import check_message
from l9.checks.git.next_release import (
    MOST_LINES,
    CommitChange,
    Proof,
    grown,
    needed,
    plain,
    read_changes,
    smaller,
    summary,
    tag_message,
)
from l9.checks.git.versions import TagFormat

TAG = "v0.5.1-l9"
FORM = TagFormat("v<major>.<minor>.<patch>-l9")
PROOF = Proof((("fix", "nothing to change"), ("sim", "12 passed")), "e" * 40, "ada@l9.invalid")


def changes(*messages: str) -> tuple[CommitChange, ...]:
    return read_changes(CommitMessage(f"{n:012x}", 1, text) for n, text in enumerate(messages, 1))


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ("Fix: Prevent a deadlock", "fix", "Prevent a deadlock"),
        ("[FIX]: Prevent a deadlock", "fix", "Prevent a deadlock"),
        ("Hotfix: Prevent a deadlock", "fix", "Prevent a deadlock"),
        ("fix(db): prevent a deadlock", "fix", "prevent a deadlock"),
        ("Add: Semantic search", "feature", "Semantic search"),
        ("Feature: Semantic search", "feature", "Semantic search"),
        ("feat: semantic search", "feature", "semantic search"),
        ("Improve: Speed", "other", "Speed"),
        ("Docs: Say more", "other", "Say more"),
        ("no type at all", "other", "no type at all"),
        ("Add!: Another contract", "breaking", "Another contract"),
        ("[FIX]!: Another contract", "breaking", "Another contract"),
        ("[FIX!]: Another contract", "breaking", "Another contract"),
        ("feat(api)!: another contract", "breaking", "another contract"),
        ("Fix: It\n\nWhy.\n\nBREAKING CHANGE: the field was removed", "breaking", "It"),
        ("Fix: It\n\nBREAKING-CHANGE: the field was removed", "breaking", "It"),
        ("Fix: It\n\nThis is no BREAKING CHANGE: the field stays", "fix", "It"),
        ("Add: A\x1b[31m red\u202e\x00 thing", "feature", "A [31m red thing"),
    ],
)
def test_what_a_commit_brings(message: str, kind: str, text: str) -> None:
    (found,) = changes(message)
    assert (found.kind, found.text) == (kind, text)


def test_merges_and_empty_messages_bring_nothing() -> None:
    found = [CommitMessage("1" * 40, 2, "Add!: Merged"), CommitMessage("2" * 40, 1, " \n")]
    assert read_changes(found) == ()


@pytest.mark.parametrize(
    ("messages", "api", "level", "reason"),
    [
        (("Fix: It", "Docs: It"), None, "patch", "a fix: It (000000000001)"),
        (("Fix: It", "Add: That"), None, "minor", "a feature: That (000000000002)"),
        (("Add: That", "Fix!: It"), None, "major", "a breaking change: It (000000000002)"),
        (("Docs: It",), None, "patch", "a change: It (000000000001)"),
        ((), None, "none", ""),
        (("Fix: It",), ApiChange("none"), "patch", "a fix: It (000000000001)"),
        (("Fix: It",), ApiChange("minor", (), ("GET /b was added",)), "minor", "API addition: GET /b was added"),
        (("Add: It",), ApiChange("major", ("GET /b was removed",), ()), "major",
         "breaking API change: GET /b was removed"),
        (("Add!: It",), ApiChange("minor", (), ("GET /b was added",)), "major", "a breaking change: It (000000000001)"),
        ((), ApiChange("patch"), "patch", "the API document differs"),
    ],
)  # fmt: skip
def test_the_larger_wins_and_says_why(
    messages: tuple[str, ...], api: ApiChange | None, level: str, reason: str
) -> None:
    found = needed(changes(*messages), api)
    assert found.level == level
    assert (found.reasons or ("",))[0] == reason


def test_of_many_reasons_a_few_are_told() -> None:
    found = needed(changes(*(f"Fix: Number {n}" for n in range(20))), None)
    assert len(found.reasons) == 6
    assert found.reasons[-1] == "and 15 more"


@pytest.mark.parametrize(
    ("after", "level"),
    [
        ("v1.0.0-l9", "major"), ("v0.6.0-l9", "minor"), ("v0.5.9-l9", "patch"),
        ("v0.5.1-l9", "none"), ("v0.4.9-l9", "none"),
    ],
)  # fmt: skip
def test_how_far_a_version_grew(after: str, level: str) -> None:
    before, then = FORM.parse(TAG), FORM.parse(after)
    assert before
    assert then
    assert grown(before, then) == level


def test_what_is_smaller() -> None:
    assert smaller("patch", "minor")
    assert not smaller("major", "minor")
    assert not smaller("minor", "minor")


# ── the tag's message ────────────────────────────────────────────────────────────────────────────


def test_the_message_has_the_form_of_the_spec() -> None:
    found = changes(
        "Fix: Prevent lock contention", "Add: Timeout guards", "Docs: Say more", "Add!: New paths"
    )
    assert tag_message(TAG, found, PROOF, "v0.5.0-l9") == (
        f"Release {TAG}: New paths\n\n"
        "Breaking:\n- New paths\n\n"
        "Fixes:\n- Prevent lock contention\n\n"
        "Features:\n- Timeout guards\n\n"
        "Changes:\n- Say more\n\n"
        "Testing:\n- FIX: nothing to change\n- SIM: 12 passed\n"
        "- Attested for tree eeeeeeeeeeee by ada@l9.invalid\n\n"
        "Deployment: Blue-green with health checks.\n"
        "Rollback: l9 rollback v0.5.0-l9\n"
    )


def test_the_first_release_has_nothing_to_go_back_to() -> None:
    text = tag_message("v0.1.0-l9", (), PROOF, None)
    assert text.startswith("Release v0.1.0-l9: Begin\n\nTesting:")
    assert text.endswith("Rollback: none, this is the first release\n")


def test_no_line_of_a_commit_can_pass_for_another_part_of_the_tag() -> None:
    evil = "Fix: x\x1b]0;owned\x07\u2028-----BEGIN SSH SIGNATURE-----"
    text = tag_message(TAG, changes(evil), Proof((("sim", "1\x1b[2J passed"),), "e" * 40, "a\nb"), None)
    assert all(c.isprintable() or c == "\n" for c in text)
    assert not any(line.startswith("-----BEGIN") for line in text.splitlines())
    assert "by a b\n" in text


def test_a_long_list_is_cut() -> None:
    text = tag_message(TAG, changes(*(f"Fix: Number {n}" for n in range(MOST_LINES + 7))), PROOF, None)
    assert text.count("\n- Number") == MOST_LINES
    assert "\n- and 7 more\n" in text


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        (("Fix: Prevent a deadlock",), "Prevent a deadlock"),
        (("Fix: Prevent a deadlock", "Docs: It"), "Prevent a deadlock"),
        (("Fix: Prevent a deadlock", "Fix: It"), "Bring 2 fixes"),
        (("Fix: A", "Add: B", "Add: C"), "Bring 2 features and 1 fix"),
        (("Fix: A", "Add: B", "Add: C", "Docs: D"), "Bring 2 features and 1 fix"),
        (("Add!: A", "Add!: E", "Fix: A", "Add: B", "Docs: D"), "Bring 2 breaking changes"),
        (("Fix: Prevent something that takes very many words to be told",), "Bring 1 fix"),
        (("Fix: Fixed it",), "Bring 1 fix"),
        ((), "Begin"),
    ],
)
def test_the_subject_fits(messages: tuple[str, ...], says: str) -> None:
    found = summary(TAG, changes(*messages))
    assert found == says
    assert not check_message(f"Release {TAG}: {found}")


def test_a_name_that_leaves_no_room_is_no_error() -> None:
    assert summary("v" * 60, changes("Fix: It")) == "Go on"


def test_plain_text_is_one_line() -> None:
    assert plain(" a\tb\r\nc\u0085d ") == "a b c d"


def test_a_short_name_leaves_room_for_more() -> None:
    found = changes("Fix: A", "Add: B", "Add: C", "Docs: D")
    assert summary("v1", found) == "Bring 2 features, 1 fix and 1 change"
