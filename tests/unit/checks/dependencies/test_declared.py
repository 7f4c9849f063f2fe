"""Test cases for comparing the declarations of project files with their locks."""

from __future__ import annotations

import pytest

from l9.checks.dependencies.declared import compare, lowest_python, read_project, wanted_files
from l9.checks.dependencies.facts import Declared, LockMismatch
from l9.checks.dependencies.locks import read_requirements
from l9.errors import ActionError


def compared(locks: dict[str, str] | None = None, **texts: str) -> Declared:
    """Keys of `texts` name files, with `_` for the dot."""
    files = {name.replace("_", ".", 1): text for name, text in texts.items()}
    return compare(files, {path: read_requirements(text) for path, text in (locks or {}).items()})


def project(*dependencies: str, more: str = "", python: str = ">=3.11") -> str:
    listed = ", ".join(f"'{d}'" for d in dependencies)
    return f'[project]\nname = "x"\nrequires-python = "{python}"\ndependencies = [{listed}]\n{more}'


def found(lock: str, *dependencies: str, **how: str) -> list[str]:
    mismatches = compared({"requirements.txt": lock}, pyproject_toml=project(*dependencies, **how)).mismatches
    assert {(a.source, a.lock, a.remedy) for a in mismatches} <= {
        ("pyproject.toml", "requirements.txt", "l9 lock")
    }
    return [a.found for a in mismatches]


def test_each_declared_dependency_is_locked_at_a_version_that_it_allows() -> None:
    seen = compared(
        {"requirements.txt": "fastapi==0.104.1\nuvicorn[standard]==0.24.0\n"},
        pyproject_toml=project("FastAPI>=0.100,<0.110", "uvicorn[standard]"),
    )
    assert seen == Declared(("2 of pyproject.toml in requirements.txt",))


@pytest.mark.parametrize(
    ("lock", "dependency", "says"),
    [
        ("fastapi==0.99\n", "fastapi>=0.100", ["fastapi==0.99"]),
        ("starlette==1.0\n", "fastapi", ["no fastapi"]),
        ("Fast_API==1.0\n", "fast.api~=1.0", []),
        ("fastapi==1.0rc1\n", "fastapi>=1.0rc1", []),
        ("uvicorn==0.24.0\n", "uvicorn[standard]", []),  # an extra's own packages may be locked without it
        ("x===2weird\n", "x===2weird", []),
        ("x===2weird\n", "x>=1", ["x==2weird"]),
        ("y==1\n", "x @ https://example.invalid/x.whl", []),  # a place is no version: the lock refuses it
    ],
)
def test_names_and_versions(lock: str, dependency: str, says: list[str]) -> None:
    assert found(lock, dependency) == says


@pytest.mark.parametrize(
    ("lock", "dependency", "says"),
    [
        ("y==1\n", 'tomli; python_version < "3.11"', []),
        ("y==1\n", 'tomli; python_version >= "3.8"', ["no tomli"]),
        ("y==1\n", 'uvloop; sys_platform != "win32"', ["no uvloop"]),
        ("y==1\n", 'pywin32; sys_platform == "win32"', []),
        ("y==1\n", 'x; python_version < "3.12"', []),  # the image may run a newer one
        ("x==1 ; python_version < '3.12'\n", 'x>=2; python_version < "3.12"', ["x==1"]),
        ("x==1 ; python_version < '3.12'\nx==2 ; python_version >= '3.12'\n", "x>=1", []),
        ("x==1 ; python_version < '3.12'\nx==2 ; python_version >= '3.12'\n", "x>=2", ["x==1"]),
        ("x==1 ; sys_platform == 'win32'\n", "x", ["no x"]),
        ("x==1 ; never heard of\n", "x", []),
    ],
)
def test_markers_are_read_as_a_server_reads_them(lock: str, dependency: str, says: list[str]) -> None:
    assert found(lock, dependency) == says


def test_a_declaration_may_be_divided_by_marker_as_its_lock_is() -> None:
    lock = "numpy==1.26 ; python_version < '3.12'\nnumpy==2.1 ; python_version >= '3.12'\n"
    divided = ('numpy<2; python_version < "3.12"', 'numpy>=2; python_version >= "3.12"')
    assert found(lock, *divided) == []


def test_what_is_no_requirement_is_told() -> None:
    (mismatch,) = compared({"requirements.txt": "x==1\n"}, pyproject_toml=project("x y z")).mismatches
    assert mismatch.remedy == "$EDITOR pyproject.toml"
    assert "\n" not in mismatch.found


def test_no_lock_at_all() -> None:
    assert compared(pyproject_toml=project("fastapi>=0.1", "x")).mismatches == (
        LockMismatch("pyproject.toml", "fastapi>=0.1", "requirements.txt", "no lock", "l9 lock"),
    )
    assert compared(pyproject_toml=project()) == Declared(())
    assert compared() == Declared(())


def test_an_extra_and_a_group_count_where_a_lock_is_made_for_them() -> None:
    more = (
        '[project.optional-dependencies]\ntest = ["pytest>=8"]\ndocs = ["sphinx"]\n'
        '[dependency-groups]\nDev_Tools = ["ruff", {include-group = "types"}, 3]\n'
        'types = ["mypy", {include-group = "Dev_Tools"}]\nodd = "no list"\n'
    )
    locks = {
        "requirements.txt": "x==1\npytest==7.0\n",
        "requirements-test.txt": "pytest==7.0\n",
        "requirements/dev-tools.txt": "ruff==1\n",
    }
    seen = compared(locks, pyproject_toml=project("x", more=more))
    assert [(a.lock, a.wanted, a.found) for a in seen.mismatches] == [
        ("requirements-test.txt", "pytest>=8", "pytest==7.0"),
        ("requirements/dev-tools.txt", "mypy", "no mypy"),
    ]


def test_locks_in_toml() -> None:
    uv_lock = (
        '[[package]]\nname = "fastapi"\nversion = "0.104.1"\n[[package]]\nname = "numpy"\nversion = "1.26"\n'
        '[[package]]\nname = "numpy"\nversion = "2.1"\n[[package]]\nname = "x"\n'
    )
    seen = compared(pyproject_toml=project("fastapi", "numpy>=2", "numpy<2"), uv_lock=uv_lock)
    assert seen == Declared(("3 of pyproject.toml in uv.lock",))
    (mismatch,) = compared(pyproject_toml=project("fastapi>=1"), uv_lock=uv_lock).mismatches
    assert (mismatch.lock, mismatch.found, mismatch.remedy) == ("uv.lock", "fastapi==0.104.1", "uv lock")
    (mismatch,) = compared(pyproject_toml=project("a"), pylock_toml="packages = [1, {name = 'b'}]").mismatches
    assert mismatch.found == "no a"
    (mismatch,) = compared(pyproject_toml=project("a"), pylock_toml="packages = 1").mismatches
    assert mismatch.lock == "pylock.toml"


def test_both_locks_are_compared() -> None:
    seen = compared(
        {"requirements.txt": "a==1\n"},
        pyproject_toml=project("a>=2"),
        uv_lock="[[package]]\nname='a'\nversion='2'\n",
    )
    assert [a.lock for a in seen.mismatches] == ["requirements.txt"]


def test_what_is_not_compared_is_said() -> None:
    poetry = "[tool.poetry.dependencies]\nfastapi = '^0.104'\n"
    assert compared(pyproject_toml=poetry).notes == ("pyproject.toml is Poetry's own, without [project]",)
    assert compared(pyproject_toml="[tool.ruff]\n").notes == ("pyproject.toml has no [project]",)
    assert compared(Pipfile="[packages]\n").notes == ("Pipfile is not read",)
    dynamic = '[project]\nname = "x"\ndynamic = ["dependencies"]\n'
    assert compared({"requirements.txt": "a==1\n"}, pyproject_toml=dynamic) == Declared(
        (), notes=("pyproject.toml leaves its dependencies to the build (dynamic)",)
    )


def test_what_a_lock_is_made_from_beside_it() -> None:
    listed = "fastapi>=0.100 --config-settings x=y\nclick==8.1 ; python_version >= '3.8'\n-e .\nstarlette\n"
    seen = compare(
        {"requirements.in": listed},
        {"requirements.txt": read_requirements("fastapi==0.104\nclick==8.2\n")},
    )
    assert [(a.source, a.wanted, a.found) for a in seen.mismatches] == [
        ("requirements.in", "click==8.1 ; python_version >= '3.8'", "click==8.2"),
        ("requirements.in", "starlette", "no starlette"),
    ]
    assert seen.looked == ("3 of requirements.in in requirements.txt",)
    assert seen.notes == ("requirements.in: -e . is not compared",)
    exact = compare({"requirements.in": "a==1\n"}, {"requirements.txt": read_requirements("a==1\n")})
    assert exact == Declared(("1 of requirements.in in requirements.txt",))


def test_what_a_lock_takes_in_is_part_of_it() -> None:
    locks = {
        "requirements.txt": "-r more/base.txt\n-c gone.txt\n",
        "more/base.txt": "a==1\n-r ../requirements.txt\n",
    }
    assert compared(locks, pyproject_toml=project("a")).mismatches == ()
    locks["requirements.txt"] = "-r gone.txt\n"
    assert [a.found for a in compared(locks, pyproject_toml=project("a")).mismatches] == ["no a"]


def test_a_lock_belongs_to_the_nearest_project() -> None:
    texts = {"pyproject.toml": project("a"), "backend/pyproject.toml": project("b")}
    locks = {
        "requirements/base.txt": "a==1\n",
        "requirements/prod.txt": "c==1\n",
        "backend/req/requirements.txt": "b==1\n",
    }
    seen = compare(texts, {path: read_requirements(text) for path, text in locks.items()})
    assert seen.mismatches == ()
    assert seen.looked == (
        "1 of backend/pyproject.toml in backend/req/requirements.txt",
        "1 of pyproject.toml in requirements/base.txt",
    )


def test_which_files_have_to_be_read() -> None:
    paths = (
        "pyproject.toml", "uv.lock", "backend/pyproject.toml", "backend/requirements.in", "requirements.in",
        "docs/pyproject.toml",
    )  # fmt: skip
    assert wanted_files(paths, ("backend/requirements.txt",)) == (
        "backend/pyproject.toml",
        "backend/requirements.in",
        "pyproject.toml",
        "uv.lock",
    )


def test_a_file_that_is_not_toml() -> None:
    with pytest.raises(ActionError, match=r"pyproject\.toml is not TOML"):
        read_project("[project\n")


@pytest.mark.parametrize(
    ("requires", "lowest"),
    [("", ""), (">=3.11", "3.11"), ("~=3.12", "3.12"), ("<3", "3.8"), ("newest", "3.8")],
)
def test_the_oldest_python_that_a_project_allows(requires: str, lowest: str) -> None:
    assert lowest_python(requires) == lowest
