"""Test cases for reading the images and the recipe of a Dockerfile."""

from __future__ import annotations

import pytest

from l9.checks.dockerfile.dockerfile import Base, Recipe, floats, for_linter, read_dockerfile

DIGEST = "sha256:" + "a" * 64


def images(text: str, **args: str) -> list[str]:
    return [base.image for base in read_dockerfile(text, args).bases]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM python:3.12\n", ["python:3.12"]),
        ("from python:3.12 as base\nFROM BASE\n", ["python:3.12"]),
        ("FROM scratch\nCOPY . /\n", []),
        ("FROM --platform=$BUILDPLATFORM python:3.12 AS a\nFROM a AS b\nFROM b\n", ["python:3.12"]),
        ("ARG V=3.12\nARG IMAGE=python:${V}\nFROM $IMAGE\n", ["python:3.12"]),
        ('ARG IMAGE="python:3.12"\nFROM ${IMAGE}\n', ["python:3.12"]),
        ("ARG A=1 B=2\nFROM x:$A$B\n", ["x:12"]),
        ("ARG IMAGE\nFROM ${IMAGE}\n", ["${IMAGE}"]),
        ("ARG IMAGE\nFROM ${IMAGE:-python:3.12}\n", ["python:3.12"]),
        ("FROM a:1 \\\n  # a comment in between\n\n  AS base\nFROM base\n", ["a:1"]),
        ("# syntax=docker/dockerfile:1\n# escape=`\nFROM a:1 `\n AS base\nFROM base\n", ["a:1"]),
        ("FROM a:1\r\nRUN true\r\n", ["a:1"]),
        ("FROM a:1\nRUN <<EOF\nFROM b:1\nEOF\nCOPY <<-'X' <<Y /\nFROM c:1\n\tX\nFROM d:1\nY\n", ["a:1"]),
        ("FROM a:1\nRUN <<EOF\nnever ended", ["a:1"]),
        ("FROM a:1\nRUN true \\", ["a:1"]),
        ("FROM a:1 AS one\nFROM b:1\nCOPY --from=one /x /x\nCOPY --chown=1:1 --from=uv:latest /uv /\n",
         ["a:1", "b:1", "uv:latest"]),
        ("FROM a:1\nFROM b:1\nCOPY --from=0 /x /x\nCOPY --from=shared /x /x\n", ["a:1", "b:1"]),
        ("FROM a:1\nRUN --mount=type=bind,from=c:1,target=/c echo --from=no\n", ["a:1", "c:1"]),
        ("FROM a:1\nRUN --network=none --mount=type=cache,target=/c", ["a:1"]),
    ],
)  # fmt: skip
def test_images_from_elsewhere(text: str, found: list[str]) -> None:
    assert [base.image for base in read_dockerfile(text, {}, contexts=("shared",)).bases] == found


def test_build_arguments_come_before_defaults() -> None:
    assert images("ARG IMAGE=python:latest\nFROM $IMAGE\n", IMAGE="python:3.12") == ["python:3.12"]
    assert images("ARG IMAGE\nFROM $IMAGE\n", IMAGE="python:3.12") == ["python:3.12"]
    assert images("FROM a:1\nARG IMAGE=x\n", IMAGE="python:3.12") == ["a:1"]


def test_the_linter_reads_what_is_written_out_in_a_from() -> None:
    text = "ARG B=b:1\nFROM a:1\nFROM $B\nCOPY --from=c:1 / /\n"
    assert [base.linted for base in read_dockerfile(text, {}).bases] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "target", "found"),
    [
        ("FROM a:1\n", "", Recipe((Base(1, "a:1"),))),
        ("FROM a:1\nUSER 1\nUSER 2:2\nSTOPSIGNAL SIGQUIT\n", "",
         Recipe((Base(1, "a:1"),), "2:2", stop_signal="SIGQUIT")),
        ("FROM a:1 AS one\nUSER 1\nHEALTHCHECK CMD x\nFROM one\nHEALTHCHECK none\n", "",
         Recipe((Base(1, "a:1"),), "1", "off")),
        ("FROM a:1 AS one\nHEALTHCHECK \\\n CMD x\nFROM b:1\n", "", Recipe((Base(1, "a:1"), Base(4, "b:1")))),
        ("FROM a:1 AS Release\nHEALTHCHECK CMD x\nFROM release AS test\nUSER root\n", "release",
         Recipe((Base(1, "a:1"),), healthcheck="on")),
        ("FROM a:1\nUSER 1\nFROM b:1\nUSER 2\n", "0", Recipe((Base(1, "a:1"), Base(3, "b:1")), "1")),
    ],
)  # fmt: skip
def test_how_the_last_stage_ends_up(text: str, target: str, found: Recipe) -> None:
    assert read_dockerfile(text, {}, target) == found


@pytest.mark.parametrize(
    ("text", "target", "why"),
    [
        ("", "", "no FROM instruction"),
        ("# nothing\nARG A=1\n", "", "no FROM instruction"),
        ("ARG A\nRUN true\n", "", "line 2: RUN before the first FROM"),
        ("FROM\n", "", "line 1: FROM "),
        ("FROM a b\n", "", "line 1: FROM a b"),
        ("FROM a:1 AS one\n", "two", "no stage two"),
    ],
)
def test_what_is_no_dockerfile(text: str, target: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_dockerfile(text, {}, target)


@pytest.mark.parametrize(
    ("image", "floating", "pinned"),
    [
        ("python", True, False),
        ("python:latest", True, False),
        ("registry:5000/app", True, False),
        ("registry:5000/app:1.2", False, False),
        ("python:3.12.7-slim", False, False),
        (f"python:latest@{DIGEST}", False, True),
        (f"python@{DIGEST}", False, True),
        ("python@sha256:abc123", False, False),
        ("${IMAGE}", False, False),
        ("app:${TAG}", False, False),
    ],
)
def test_how_firmly_an_image_is_named(image: str, floating: bool, pinned: bool) -> None:
    assert (floats(image), Base(1, image).pinned) == (floating, pinned)


def test_what_the_linter_does_not_know_is_kept_from_it() -> None:
    text = (
        "FROM a:1\nRUN <<EOF\n--start-interval=1s\nEOF\n"
        "HEALTHCHECK --interval=1s \\\n  --start-interval=1s --retries=3 \\\n  CMD x\nCOPY <<A <<B /\nA\nB"
    )
    readable, lines = for_linter(text)
    assert readable.splitlines() == [
        "FROM a:1", "RUN <<EOF", "--start-interval=1s", "EOF", "", "HEALTHCHECK --interval=1s \\", "  --retries=3 \\",
        "  CMD x", "COPY <<A <<B /", "A", "B", "",
    ]  # fmt: skip
    assert lines == (1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 10)
    assert for_linter("") == ("", ())
