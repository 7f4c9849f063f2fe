"""Test cases for the variables that a release reads: those found, those with a default, those documented."""

from __future__ import annotations

import pytest

from l9.checks.environment.reads import (
    EnvRead,
    commented_keys,
    compose_gives,
    compose_reads,
    dockerfile,
    undocumented,
)
from l9.checks.environment.reads_python import python_reads


def found(code: str) -> dict[str, bool]:
    """Each name that is read, and whether it has a default."""
    reads, unread = python_reads({"x.py": code})
    assert unread == ()
    return {" or ".join(read.names): read.default for read in reads}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ('import os\nos.environ["A"]', {"A": False}),
        ('import os\nos.environ.get("A")\nos.getenv("B")', {"A": False, "B": False}),
        ('import os\nos.environ.get("A", "d")\nos.getenv("B", default="d")', {"A": True, "B": True}),
        ('import os\nos.environ.get("A", None)', {"A": False}),
        ('import os\nos.environ.get("A") or os.getenv("B") or "d"', {"A": True, "B": True}),
        ('import os\nos.environ.get("A") or os.getenv("B")', {"A": True, "B": False}),
        ('import os\nos.environ.pop("A")\nos.environ.setdefault("B", "d")', {"A": False, "B": True}),
        ('import os\n"A" in os.environ\n"B" not in os.environ\n"C" in other', {"A": True, "B": True}),
        ('import os as o\no.environ["A"]\no.getenv("B")', {"A": False, "B": False}),
        (
            'from os import environ, getenv as g\nenviron["A"]\nenviron.get("B")\ng("C")',
            {"A": False, "B": False, "C": False},
        ),
        ('from os import environ as e, path\ne["A"]', {"A": False}),
        ('import os\nenv = os.environ\nenv["A"]', {"A": False}),
        ('import os\nNAME = "A"\nN: str = "B"\nos.environ[NAME]\nos.getenv(N)', {"A": False, "B": False}),
        ('import os\nos.environ["A"] = "1"\ndel os.environ["B"]\nos.environ[f"{x}"]\nos.getenv(x())', {}),
        ('environ["A"]\ngetenv("B")\nx.environ["C"]\nos.environ["D"]\nos.getenv()', {}),
        ('import os\nos.environ.copy()\nos.environ.items("x")\nos.path.get("y")\na = b = 1\na.b = 2', {}),
        ("import os\nos.environ[1]\nx = 3\nos.environ[x]", {}),
    ],
)
def test_reads_of_the_environment(code: str, names: dict[str, bool]) -> None:
    assert found(code) == names


SETTINGS = """
import pydantic_settings
from pydantic_settings import BaseSettings, SettingsConfigDict
PREFIX = "APP_"

class Base(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__")
    dsn: str
    level: str = "info"

class Prod(Base):
    key: str = Field(..., description="x")
    many: list[str] = Field(default_factory=list)
    one: str = Field("d")
    free: str = ...
    _private: str = ""
    Shared: ClassVar[int] = 3
    def method(self): pass
    plain = 3
"""


def test_fields_of_settings_and_of_what_derives_from_them() -> None:
    assert found(SETTINGS) == {
        "APP_DSN": False, "APP_LEVEL": True, "APP_KEY": False, "APP_MANY": True, "APP_ONE": True, "APP_FREE": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("class S(pydantic_settings.BaseSettings):\n  a: int", {"A": False}),
        ("class S(BaseSettings, env_prefix='P_'):\n  a: int", {"P_A": False}),
        ("class S(BaseSettings):\n  model_config = {'env_prefix': 'P_', **x}\n  a: int", {"P_A": False}),
        ("class S(BaseSettings):\n  model_config = make()\n  a: int", {"A": False}),
        ("class S(BaseSettings):\n  model_config = other\n  a: int", {"A": False}),
        ("class S(BaseSettings):\n  class Config:\n    env_prefix = 'P_'\n  a: int", {"P_A": False}),
        ("class S(BaseSettings):\n  class Other:\n    env_prefix = 'P_'\n  a: int", {"A": False}),
        ("class S(BaseSettings):\n  model_config = D(case_sensitive=True)\n  a: int", {"a": False}),
        (
            "class S(BaseSettings):\n  model_config = D(env_prefix=f'{x}_')\n  a: int\n  b: int = Field(alias='B')",
            {"B": False},
        ),
        (
            "class S(BaseSettings):\n  a: int = Field(validation_alias=AliasChoices('X', 'Y'))",
            {"X or Y": False},
        ),
        ("class S(BaseSettings):\n  a: Annotated[int, Field(alias='X')] = 3", {"X": True}),
        (
            "class S(BaseSettings):\n  a: Optional[int]\n  b: Field(1)\n  self.c: int = 1",
            {"A": False, "B": False},
        ),
        ("class S(BaseSettings[int]):\n  a: int", {"A": False}),
        ("class S(get_base()):\n  a: int", {}),
        ("class S(T):\n  a: int\nclass T(S):\n  b: int", {}),
    ],
)
def test_how_settings_name_their_variables(code: str, names: dict[str, bool]) -> None:
    assert found(code) == names


def test_a_base_in_another_file_is_found() -> None:
    reads, _ = python_reads({
        "a.py": "from b import Base\nclass S(Base):\n  x: int",
        "b.py": "class Base(BaseSettings):\n  model_config = D(env_prefix='B_')",
    })  # fmt: skip
    assert [(r.names, r.where) for r in reads] == [(("B_X",), "a.py:3")]


@pytest.mark.parametrize("text", ["print 'old'", "x = (", "\0", "(" * 300 + ")" * 300])
def test_what_is_no_python_is_told(text: str) -> None:
    assert python_reads({"old.py": text}) == ((), ("old.py",))


def test_odd_escapes_in_strings_are_nobodys_business_here(recwarn: pytest.WarningsRecorder) -> None:
    assert found(r'import os; os.environ["A"]; x = "\d"') == {"A": False}
    assert len(recwarn) == 0


# ── compose and Dockerfile ───────────────────────────────────────────────────────────────────────

COMPOSE = """\
services:
  # not ${COMMENTED}
  api:
    image: app:${TAG:-latest}
    command: sh -c 'echo $$HOME ${OTHER-x} ${LIKE:+y}'
    environment:
      DSN: postgres://${USER_NAME}:$PASSWORD@db
      KEY: ${KEY:?must be set}
      STRICT: ${STRICT?}
"""


def test_variables_of_a_compose_file_without_a_default() -> None:
    reads = compose_reads(COMPOSE, "compose.yaml")
    assert [r.names[0] for r in reads] == ["USER_NAME", "PASSWORD", "KEY", "STRICT"]
    assert reads[0].where == "compose.yaml:7"


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ({"services": {"a": {"environment": {"X": "1", "Y": None}}, "b": {"environment": ["Z=1", "W"]}}}, ("X", "Z")),
        ({"services": {"a": None, "b": {"environment": "odd"}}}, ()),
        ({"services": []}, ()),
        ({}, ()),
        (None, ()),
    ],
)  # fmt: skip
def test_variables_that_a_compose_file_sets(document: object, names: tuple[str, ...]) -> None:
    assert compose_gives(document) == names


DOCKERFILE = """\
# syntax=docker/dockerfile:1
FROM python:3.11 AS build
ENV BUILD_ONLY=1
CMD echo $OF_ANOTHER_STAGE
FROM python:3.11
ARG VERSION
ENV HOST=0.0.0.0 \\
    # a comment in between
    LEVEL="in fo"
ENV OLD form
ENV
RUN echo $NOT_AT_RUN_TIME
HEALTHCHECK CMD ["sh", "-c", "curl localhost:$HEALTH_PORT"]
ENTRYPOINT ["/app", "$AS_IT_STANDS"]
CMD exec app --port ${APP_PORT:-8000} \\
  --key $KEY --local $small
"""


def test_what_a_dockerfile_reads_and_sets_at_run_time() -> None:
    reads, given = dockerfile(DOCKERFILE, "Dockerfile")
    assert {r.names[0]: r.default for r in reads} == {"HEALTH_PORT": False, "APP_PORT": True, "KEY": False}
    assert given == ("BUILD_ONLY", "HOST", "LEVEL", "OLD")
    assert reads[-1].where == "Dockerfile:15"


@pytest.mark.parametrize(
    ("command", "reads"), [("[$A", 1), ("[]  $A", 1), ('["bash", "$A"]', 1), ("[1, 2]", 0)]
)
def test_odd_commands(command: str, reads: int) -> None:
    assert len(dockerfile(f"FROM x\nCMD {command}", "Dockerfile")[0]) == reads


# ── documented or not ────────────────────────────────────────────────────────────────────────────


def read(*names: str, **how: object) -> EnvRead:
    return EnvRead(names, "x.py:1", **how)  # type: ignore[arg-type]


def test_what_is_documented_set_standard_or_ignored_is_left_out() -> None:
    reads = [read(n) for n in ("A", "B", "PATH", "LC_ALL", "L9_RELEASE", "CI_TOKEN", "PYTHONPATH")]
    assert undocumented(reads, ("A",), ("B",), ("CI_*",)) == ()


def test_each_variable_once_and_those_without_a_default_first() -> None:
    reads = [read("B", default=True), read("A", default=True), read("C"), read("B"), read("C", default=True)]
    assert [(r.names[0], r.default) for r in undocumented(reads, (), ())] == [
        ("B", False),
        ("C", False),
        ("A", True),
    ]


@pytest.mark.parametrize(
    ("one", "name", "met"),
    [
        (read("A", "B"), "B", True),
        (read("A"), "a", False),
        (read("A", folds=True), "a", True),
        (read("DB", nested="__"), "DB__HOST", True),
        (read("db", nested="__x", folds=True), "DB__XHOST", True),
        (read("DB", nested="__"), "DB_HOST", False),
        (read("DB"), "DB__HOST", False),
    ],
)
def test_a_name_that_sets_what_is_read(one: EnvRead, name: str, met: bool) -> None:
    assert one.met_by(name) is met


def test_commented_keys_are_documented() -> None:
    text = "# The tag.\n# L9_RELEASE=\n#HOST=0.0.0.0\n# export X=1\n# no KEY=here\nA=1\n"
    assert commented_keys(text) == ("L9_RELEASE", "HOST", "X")
