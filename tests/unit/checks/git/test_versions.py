"""Release tags: which names are safe, and what version they stand for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l9.checks.git.versions import MAX_TAG_CHARS, TagFormat, Version, check_tag_name

SPEC = TagFormat("v<major>.<minor>.<patch>-l9")
NUMBERS = st.integers(0, 10**6)


@pytest.mark.parametrize(
    "tag", ["v0.5.0-l9", "v1.0.0", "release/2026.03", "a", "x+y=z,1%", "_@_", "v" * MAX_TAG_CHARS]
)
def test_a_name_that_may_be_used(tag: str) -> None:
    assert check_tag_name(tag) is None


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("", "empty"),
        ("v" * (MAX_TAG_CHARS + 1), "longer than 128"),
        ("-v1", "starts with '-'"),
        ("--upload-pack=x", "starts with '-'"),
        ("v1\n", "control character"),
        ("v1\x00", "control character"),
        ("v1\x7f", "control character"),
        ("v1 l9", "space"),
        ("v1..v2", "'..'"),
        ("v1@{1}", "'@{'"),
        ("@", "'@'"),
        ("v1~1", "git keeps"),
        ("v1^", "git keeps"),
        ("a:b", "git keeps"),
        ("v?", "git keeps"),
        ("v*", "git keeps"),
        ("v[1", "git keeps"),
        ("v\\1", "backslash"),
        ("v1;reboot", "shell"),
        ("$(reboot)", "shell"),
        ("`reboot`", "shell"),
        ("a|b", "shell"),
        ("a&b", "shell"),
        ("a>b", "shell"),
        ("a'b", "shell"),
        ('a"b', "shell"),
        ("a#b", "shell"),
        ("a!b", "shell"),
        ("/v1", "'/'"),
        ("v1/", "'/'"),
        ("a//b", "'//'"),
        (".v1", "starts with '.'"),
        ("a/.b", "starts with '.'"),
        ("v1.", "ends with '.'"),
        ("v1.lock", "'.lock'"),
        ("v1.lock/x", "'.lock'"),
        ("v1\N{CYRILLIC SMALL LETTER A}", "outside ASCII"),
        ("v1\N{RIGHT-TO-LEFT OVERRIDE}", "outside ASCII"),
        ("v\N{ARABIC-INDIC DIGIT ONE}.0.0-l9", "outside ASCII"),
    ],
)
def test_a_name_that_is_refused(tag: str, reason: str) -> None:
    told = check_tag_name(tag)
    assert told is not None
    assert reason in told
    assert SPEC.parse(tag) is None


def test_the_examples_of_the_spec() -> None:
    tags = ["v0.5.0-l9", "v0.5.1-l9", "v0.6.0-l9", "v1.0.0-l9"]
    versions = [SPEC.parse(tag) for tag in tags]
    assert versions[1] == Version(0, 5, 1, "v0.5.1-l9")
    assert [version.tag for version in versions if version] == tags


@pytest.mark.parametrize(
    "tag",
    [
        "v01.0.0-l9",
        "v1.00.0-l9",
        "v1.0.0",
        "v1.0-l9",
        "v1.0.0-l9x",
        "xv1.0.0-l9",
        "V1.0.0-l9",
        "v1x0x0-l9",
        "v-1.0.0-l9",
    ],
)
def test_what_does_not_match_in_full_is_no_version(tag: str) -> None:
    assert SPEC.parse(tag) is None


def test_the_previous_release_goes_by_numbers_and_not_by_text() -> None:
    tags = ["v0.9.0-l9", "v0.10.0-l9", "v0.2.0-l9", "v0.11.0-l9", "latest", "v0.10.0-rc1"]
    previous = SPEC.previous("v0.11.0-l9", tags)
    assert previous is not None
    assert previous.tag == "v0.10.0-l9"
    assert SPEC.previous("v0.2.0-l9", tags) is None
    assert SPEC.previous("v0.10.0-l9", []) is None


def test_a_tag_of_another_format_has_no_previous_release() -> None:
    with pytest.raises(ValueError, match="'latest' is not a tag of the format"):
        SPEC.previous("latest", ["v0.1.0-l9"])


def test_a_format_may_have_fewer_numbers() -> None:
    assert TagFormat("release-<major>").parse("release-7") == Version(7, 0, 0, "release-7")
    assert TagFormat("<major>.<minor>").parse("24.10") == Version(24, 10, 0, "24.10")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("latest", "has no <major>"),
        ("v<minor>", "has no <major>"),
        ("v<major>.<build>", "has <build>"),
        ("v<major>.<major>", "twice"),
        ("v<major><minor>", "a character other than a digit after"),
        ("v<major>0<minor>", "a character other than a digit after"),
        ("-<major>", "starts with '-'"),
        ("v <major>", "space"),
        ("<major>*", "git keeps"),
        ("<<major>", "shell"),
    ],
)
def test_a_format_that_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("*", r"\*")):
        TagFormat(pattern)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_writing_and_reading_a_tag_are_inverse(major: int, minor: int, patch: int) -> None:
    for pattern in (SPEC, TagFormat("<patch>.<major>x<minor>")):
        tag = pattern.tag(major, minor, patch)
        assert pattern.parse(tag) == Version(major, minor, patch, tag)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1), st.data())
def test_the_previous_release_is_the_newest_older_one(
    numbers: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    mine = data.draw(st.sampled_from(numbers))
    previous = SPEC.previous(SPEC.tag(*mine), [SPEC.tag(*each) for each in numbers])
    older = [each for each in numbers if each < mine]
    found = previous and (previous.major, previous.minor, previous.patch)
    assert found == (max(older) if older else None)


@given(st.text())
def test_any_text_is_refused_or_safe(tag: str) -> None:
    if check_tag_name(tag) is None:
        assert tag.isascii()
        assert tag.isprintable()
        assert not set(tag) & set(" ~^:?*[]\\;&|<>$`\"'(){}!#")
        assert not tag.startswith("-")
    else:
        assert SPEC.parse(tag) is None


@pytest.mark.parametrize(
    ("pattern", "tag", "level", "wanted"),
    [
        ("v<major>.<minor>.<patch>-l9", "v0.5.1-l9", "patch", "v0.5.2-l9"),
        ("v<major>.<minor>.<patch>-l9", "v0.5.1-l9", "minor", "v0.6.0-l9"),
        ("v<major>.<minor>.<patch>-l9", "v0.5.1-l9", "major", "v1.0.0-l9"),
        ("<major>.<minor>", "3.9", "patch", "3.10"),
        ("r<major>", "r41", "patch", "r42"),
        ("r<major>", None, "patch", "r1"),
        ("v<major>.<minor>.<patch>-l9", None, "minor", "v0.1.0-l9"),
    ],
)
def test_the_release_after_one(pattern: str, tag: str | None, level: str, wanted: str) -> None:
    form = TagFormat(pattern)
    assert form.bump(form.parse(tag) if tag else None, level) == wanted
