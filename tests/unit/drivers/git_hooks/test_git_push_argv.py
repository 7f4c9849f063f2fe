"""Test cases for reading what hooks are told of a push, and for the questions to git about it."""

from __future__ import annotations

import pytest

from l9.drivers.git_hooks import push_commands as git

OLD, NEW, NONE = "1" * 40, "2" * 40, "0" * 40


def test_what_pre_receive_is_told() -> None:
    told = f"{OLD} {NEW} refs/heads/main\n{NONE} {NEW} refs/tags/v1\n{OLD} {'0' * 64} refs/heads/x\n"
    assert git.parse_received(told) == [
        ("refs/heads/main", OLD, NEW),
        ("refs/tags/v1", "", NEW),
        ("refs/heads/x", OLD, ""),
    ]
    assert git.parse_received("") == []


def test_what_pre_push_is_told() -> None:
    told = f"HEAD@{{1 day ago}} {NEW} refs/heads/x {OLD}\n(delete) {NONE} refs/heads/y {OLD}\n\n"
    assert git.parse_pushed(told) == [("refs/heads/x", OLD, NEW), ("refs/heads/y", OLD, "")]


def test_questions() -> None:
    assert git.main_commits(NEW, OLD)[-5:] == ("--first-parent", "--reverse", NEW, f"^{OLD}", "--")
    assert git.merged_commits(("a", "b", "c"))[-4:] == ("b", "c", "^a", "--")
    assert git.merge_again(("a", "b")) == ("git", "merge-tree", "--write-tree", "a", "b")
    assert git.object_kind(NEW) == ("git", "cat-file", "-t", NEW)
    assert git.read_tag(NEW) == ("git", "cat-file", "tag", NEW)
    assert git.resolve("-x")[-2:] == ("--end-of-options", "-x")


def test_commits() -> None:
    one = (NEW, f"{OLD} {OLD}", "t", "Ada@L9", "Bob <B@L9>\x1fEve", "", "Merge it")
    two = (OLD, "", "t", "ada@l9", "", "Bob <b@l9>", "")
    first, second = git.parse_commits("\0".join((*one, *two)) + "\0")
    assert first == (NEW, (OLD, OLD), "t", "ada@l9", ("b@l9", "eve"), (), "Merge it")
    assert second == (OLD, (), "t", "ada@l9", (), ("b@l9",), "")
    assert git.parse_commits("") == []


@pytest.mark.parametrize(
    "signed", ["", "-----BEGIN SSH SIGNATURE-----\nx\n", "-----BEGIN PGP SIGNATURE-----\n"]
)
def test_tag_objects(signed: str) -> None:
    text = (
        f"object {NEW}\ntype commit\ntag v1.0.0-l9\ntagger Ada <a@l9> 1 +0000\n\nRelease\n\ntag x\n{signed}"
    )
    assert git.parse_tag_object(text) == (NEW, "commit", "v1.0.0-l9", bool(signed))
    assert git.parse_tag_object("") == ("", "", "", False)


def test_a_name_may_hold_what_other_texts_take_for_a_line_end() -> None:
    new = "a" * 40
    name = "refs/heads/x\u2028y"
    (change,) = git.parse_received(f"{'0' * 40} {new} {name}\n")
    assert (change.ref, change.old, change.new) == (name, "", new)
    (change,) = git.parse_pushed(f"{name} {new} {name} {'0' * 40}\n")
    assert change.ref == name
