"""Test cases for what is locked from what, the command lines of uv and pip-audit, and their answers."""

from __future__ import annotations

import json

import pytest

from l9.checks.dependencies import locker_commands as locking
from l9.checks.dependencies.locker_commands import Audit, Job, LockChange, Skipped, Vulnerable
from l9.checks.dependencies.locks import read_requirements

WANTED = ("requirements*.txt",)
PROJECT = (
    '[project]\nname = "x"\nrequires-python = ">=3.11"\ndependencies = ["a"]\n'
    '[project.optional-dependencies]\ntest = ["b"]\n[dependency-groups]\ndev = ["c"]\n'
)


def planned(*paths: str, project: str = PROJECT, wanted: tuple[str, ...] = WANTED) -> tuple[Job, ...]:
    there = locking.sources(paths, wanted)
    return locking.plan(paths, dict.fromkeys(there, project), wanted)


def test_a_project_alone() -> None:
    assert planned("pyproject.toml") == (Job("requirements.txt", ("pyproject.toml",), python="3.11"),)


def test_the_parts_follow_the_lock_that_they_keep_to() -> None:
    paths = ("pyproject.toml", "requirements-dev.txt", "requirements-test.txt", "requirements-other.txt")
    assert planned(*paths) == (
        Job("requirements.txt", ("pyproject.toml",), python="3.11"),
        Job(
            "requirements-dev.txt", ("pyproject.toml",), group="dev", within="requirements.txt", python="3.11"
        ),
        Job(
            "requirements-test.txt",
            ("pyproject.toml",),
            extra="test",
            within="requirements.txt",
            python="3.11",
        ),
    )


def test_lists_beside_their_locks() -> None:
    assert planned("requirements.in", "requirements/dev.in", "setup.in") == (
        Job("requirements.txt", ("requirements.in",)),
        Job("requirements/dev.txt", ("requirements/dev.in",)),
    )
    assert planned("pyproject.toml", "requirements.in") == (
        Job("requirements.txt", ("pyproject.toml", "requirements.in"), python="3.11"),
    )


def test_a_project_with_a_lock_of_its_own_is_left_to_its_tool() -> None:
    assert planned("pyproject.toml", "uv.lock") == ()
    assert planned("pyproject.toml", "uv.lock", "requirements-dev.txt") == (
        Job("requirements-dev.txt", ("pyproject.toml",), group="dev", python="3.11"),
    )
    assert len(planned("pyproject.toml", "uv.lock", "requirements.txt")) == 1


def test_a_project_in_a_directory_of_its_own() -> None:
    wanted = ("backend/requirements*.txt",)
    paths = ("backend/pyproject.toml", "backend/requirements.txt", "docs/pyproject.toml")
    assert locking.sources(paths, wanted) == ("backend/pyproject.toml",)
    assert planned(*paths, wanted=wanted) == (
        Job("backend/requirements.txt", ("backend/pyproject.toml",), python="3.11"),
    )


def test_nothing_to_lock() -> None:
    assert planned("pyproject.toml", project="[tool.ruff]\n") == ()
    assert planned() == ()


FIRST = (
    "/bin/uv", "pip", "compile", "--universal", "--generate-hashes", "--no-strip-extras", "--no-emit-index-url",
    "--custom-compile-command=l9 lock", "--quiet", "--no-progress", "--color=never",
)  # fmt: skip


def test_uv_is_called_with_nothing_of_the_indexes() -> None:
    job = Job("requirements.txt", ("pyproject.toml", "-x.in"), python="3.11")
    assert locking.compile_lock("/bin/uv", job, "/t/requirements.txt", "") == (
        *FIRST, "--python-version=3.11", "--output-file=/t/requirements.txt", "--", "pyproject.toml", "-x.in",
    )  # fmt: skip


def test_uv_is_called_for_a_part_and_for_what_may_move() -> None:
    extra = Job("requirements-test.txt", ("pyproject.toml",), extra="test", within="requirements.txt")
    assert locking.compile_lock("/bin/uv", extra, "o", "w", ("a", "b")) == (
        *FIRST, "--constraints=w", "--upgrade-package=a", "--upgrade-package=b", "--extra=test", "--output-file=o",
        "--", "pyproject.toml",
    )  # fmt: skip
    group = Job("requirements-dev.txt", ("pyproject.toml",), group="dev")
    assert locking.compile_lock("/bin/uv", group, "o", "", ("*", "a")) == (
        *FIRST, "--upgrade", "--group=pyproject.toml:dev", "--output-file=o",
    )  # fmt: skip


def test_differences_are_by_name_and_version() -> None:
    before = read_requirements("a==1\nb==1\nc==1 ; os_name == 'nt'\nc==2\n")
    after = read_requirements(f"a==1 --hash=sha256:{'0' * 64}\nc==2\nd==3\n")
    assert locking.differences(before, after) == [
        LockChange("b", ["1"], []), LockChange("c", ["1", "2"], ["2"]), LockChange("d", [], ["3"]),
    ]  # fmt: skip
    assert locking.differences(None, read_requirements("a==1\n")) == [LockChange("a", [], ["1"])]
    assert locking.unhashed(after) == ["c", "d"]


def test_each_name_and_version_is_asked_about_once() -> None:
    pins = [("b", "1"), ("a", "2"), ("a", "1"), ("a", "1")]
    assert locking.audited_texts(pins) == ["a==1\nb==1\n", "a==2\n"]
    assert locking.audited_texts([]) == []


def test_pip_audit_is_called_with_what_is_locked_as_it_is() -> None:
    assert locking.audit("pip-audit", "/t/0.txt") == (
        "pip-audit", "--format=json", "--progress-spinner=off", "--desc=off", "--aliases=on",
        "--disable-pip", "--no-deps", "--requirement=/t/0.txt",
    )  # fmt: skip


def test_what_pip_audit_answers() -> None:
    rows = [
        {"name": "a", "version": "1", "vulns": []},
        {
            "name": "b",
            "version": "2",
            "vulns": [
                {"id": "PYSEC-1", "fix_versions": ["3"], "aliases": ["CVE-1"]},
                {"id": "GHSA-2", "fix_versions": []},
            ],
        },
        {"name": "c", "skip_reason": "not found"},
    ]
    found = locking.parse_audit(json.dumps({"dependencies": rows, "fixes": []}))
    assert found == Audit(
        3,
        [Vulnerable("b", "2", "PYSEC-1", ["CVE-1"], ["3"]), Vulnerable("b", "2", "GHSA-2")],
        [Skipped("c", "not found")],
    )
    assert locking.merged([found, found]).asked == 6
    assert locking.merged([]) == Audit(0, [], [])


@pytest.mark.parametrize(
    "out",
    [
        "",
        "No known vulnerabilities found",
        "[]",
        "{}",
        '{"dependencies": [1]}',
        '{"dependencies": [{"vulns": [{}]}]}',
    ],
)
def test_what_is_no_answer(out: str) -> None:
    assert locking.parse_audit(out) is None


def test_what_is_a_lock() -> None:
    assert locking.is_lock("backend/uv.lock")
    assert not locking.is_lock("requirements.txt")
