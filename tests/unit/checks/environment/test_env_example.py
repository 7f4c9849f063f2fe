"""The example file of a real tree, beside what the tree's own code, compose file and Dockerfile read."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from l9.checks.environment.env_file import parse_env
from l9.checks.environment.example import look
from l9.checks.environment.facts import EnvExample
from l9.checks.secrets.env_values import suspects
from l9.configuration import parse
from l9.drivers.git.tree import GitTree

WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@l9.invalid")
CONFIG = 'app = "a"\n[targets.production]\nhost = "local"\n'
COMPOSE = """\
services:
  api:
    image: app:${L9_RELEASE}
    ports: !reset []
    environment:
      SET_HERE: "1"
      DSN: postgres://${DB_USER}:${DB_PASSWORD:?}@db/${DB_NAME:-app}
"""
FILES = {
    "api/app.py": 'import os\nos.environ["DSN"]\nos.environ["SET_HERE"]\nos.getenv("KEY")\nos.getenv("SPARE", "1")\n',
    "api/settings.py": "class S(BaseSettings):\n    mail_from: str\n",
    "api/old.py": "import os\nprint os.environ['OLD']\n",
    "api/ä.py": 'import os\nos.environ["UMLAUT"]\n',
    "tests/test_app.py": 'import os\nos.environ["OF_TESTS"]\n',
    "api/conftest.py": 'import os\nos.environ["OF_TESTS"]\n',
    "compose.yaml": COMPOSE,
    "compose.dev.yaml": "services: {a: {image: ${DEV_ONLY}}}",
    "Dockerfile": "FROM python:3.11\nENV UMLAUT=ü\nCMD serve --workers $WORKERS --port $PORT\n",
}
Look = Callable[..., EnvExample]


@pytest.fixture
def looked(tmp_path: Path) -> Look:
    """Commit these files, and look."""

    def do(files: dict[str, str], config: str = CONFIG) -> EnvExample:
        subprocess.run(("git", "init", "--quiet", str(tmp_path)), check=True)
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, encoding="utf-8")
        git = ("git", "-C", str(tmp_path), *WHO)
        subprocess.run((*git, "add", "--all"), check=True)
        subprocess.run((*git, "commit", "--quiet", "--allow-empty", "-m", "Add: All"), check=True)
        for path in files:
            (tmp_path / path).write_text("changed and not committed", encoding="utf-8")
        return look(GitTree(tmp_path, "HEAD"), parse(config))

    return do


def lacking(seen: EnvExample) -> dict[str, str]:
    return {read.names[0]: read.where for read in seen.lacking}


def test_all_that_is_read_and_not_documented_is_found(looked: Look) -> None:
    seen = looked(FILES)
    assert (seen.exists, seen.unread) == (False, ("api/old.py",))
    assert lacking(seen) == {
        "DB_PASSWORD": "compose.yaml:7",
        "DB_USER": "compose.yaml:7",
        "KEY": "api/app.py:4",
        "MAIL_FROM": "api/settings.py:2",
        "WORKERS": "Dockerfile:3",
        "SPARE": "api/app.py:5",
    }
    assert [read.names[0] for read in seen.lacking if read.default] == ["SPARE"]


def test_a_documented_release_lacks_nothing(looked: Look) -> None:
    example = "DB_USER=a\nDB_PASSWORD=\nKEY=\n# optional\nMAIL_FROM=\nWORKERS=2\n# SPARE=1\n"
    seen = looked({**FILES, ".env.example": example})
    assert (seen.exists, seen.keys, seen.lacking, seen.suspects, seen.problems) == (True, 5, (), (), ())


def test_what_the_configuration_ignores_and_another_compose_file(looked: Look) -> None:
    config = CONFIG + '[env]\nignore = ["DEV_*", "KEY", "WORKERS", "MAIL_*", "DSN", "SET_HERE"]\n'
    seen = looked(FILES, config + '[compose]\nfile = "compose.dev.yaml"\n')
    assert list(lacking(seen)) == ["SPARE"]


def test_an_empty_tree_and_a_compose_file_that_is_no_yaml(looked: Look) -> None:
    assert looked({}) == EnvExample(".env.example", exists=False)
    assert lacking(looked({"compose.yaml": "a: [\n${NEEDED}"})) == {"NEEDED": "compose.yaml:2"}


def test_problems_and_secrets_are_told_without_the_value(looked: Look) -> None:
    text = "# type: integer\nA=1\nPASSWORD=hunter2x9\nhunter2x9\n"
    seen = looked({".env.example": text})
    assert [(s.key, s.line_no, s.kind) for s in seen.suspects] == [("PASSWORD", 3, "Secret Keyword")]
    assert [p.line_no for p in seen.problems] == [2, 4]
    assert "hunter2x9" not in str(seen)


REAL = """\
GITHUB_TOKEN=ghp_1234567890abcdefghijklmnopqrstuvwxyz
SECRET_KEY=9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c
MEMORY_DSN=postgres://l9:Tr0ub4dor3@db/x
ADMIN_PASSWORD=s3cr3t-Pa55w0rd
AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYzQ1x7Yw2Kd
SIGNING_KEY="-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj
-----END PRIVATE KEY-----"
"""
PLACES = """\
GITHUB_TOKEN=YOUR_TOKEN_HERE
SECRET_KEY=changeme
MEMORY_DSN=postgresql://postgres:YOUR_PASSWORD_HERE@127.0.0.1:5432/l9_memory
LOCAL_DSN=postgres://postgres:postgres@localhost/x
ADMIN_PASSWORD=<ask Ada>
API_KEY=${API_KEY}
TOKEN_URL=https://login.example.com/oauth/token
API_KEY_HEADER=X-Api-Key
SECRETS_DIR=/run/secrets/app
OPENAI_API_KEY=sk-proj-YOUR_KEY_HERE
POSTGRES_PASSWORD=l9
DEBUG=true
EMPTY=
NUL="\0"
"""


def test_real_secrets_are_suspected_and_placeholders_are_not() -> None:
    keys = [s.key for s in suspects(".env.example", parse_env(REAL))]
    assert keys == [e.key for e in parse_env(REAL).entries]
    assert suspects(".env.example", parse_env(PLACES)) == ()
