"""A deploy whose env source cannot be resolved, or may not be: told before the host is asked for anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli_check import Repository

from l9.checks.environment.env_file import parse_env
from l9.configuration import load
from l9.drivers.git.repo import GitRepo
from l9.errors import ActionError
from l9.operator.secrets import resolve
from l9.protocol.answers.error import Error

TAG = "v1.0.0-l9"
CONFIG = """\
app = "l9-api"
[check]
test = []
[cgmp]
fix = []
skip = { sim = "no code", cov = "no code", oracle = "no code" }
[env]
source = "production.env"
[targets.production]
host = "local"
path = "/nonexistent/l9"
runtime = "process"
"""
EXAMPLE = "# secret\nPASSWORD=\n# secret, optional\nOTHER=\nLEVEL=info\n"
PRINTS = "cmd:printf 'hunter2-planted with $signs'"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    made.write("l9.toml", CONFIG)
    made.write(".env.example", EXAMPLE)
    return made


def released(repo: Repository, source: str | None) -> None:
    if source is not None:
        repo.write("production.env", source)
    repo.commit()
    repo.git("tag", "-a", TAG, "-m", f"Release {TAG}: Bring it to production")


def resolved(repo: Repository) -> dict[str, str]:
    config = load(repo.work)
    found = resolve(GitRepo(repo.work, config), repo.work, config, TAG)
    assert found is not None
    assert "hunter2-planted" not in repr(found)
    return {e.key: e.value.reveal() for e in parse_env(found.text).entries}


def test_values_are_taken_from_where_they_are_kept(repo: Repository) -> None:
    released(repo, f"PASSWORD={PRINTS}\nOTHER={PRINTS}\nLEVEL=host:\nURL=http://${{LEVEL}}/\n")
    repo.write("production.env", "PASSWORD=cmd:false\n")  # the release's own counts, not what lies there
    value = "hunter2-planted with $signs"
    assert resolved(repo) == {"PASSWORD": value, "OTHER": value, "URL": "http://${LEVEL}/"}


def test_a_target_without_a_source_resolves_nothing(repo: Repository) -> None:
    repo.write("l9.toml", CONFIG.replace('source = "production.env"', ""))
    released(repo, None)
    config = load(repo.work)
    assert resolve(GitRepo(repo.work, config), repo.work, config, TAG) is None


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (None, "production.env not found in v1.0.0-l9"),
        ("PASSWORD=hunter2-planted\n", "line 1: PASSWORD is secret"),
        ("hunter2-planted\n", "line 1: no assignment"),
        ("PASSWORD=cmd:false\n", "PASSWORD cannot be resolved"),
        (
            "OTHER=cmd:sh -c 'echo hunter2-planted; exit 9'\nPASSWORD=sops:gone.env#A\n",
            "OTHER cannot be resolved",
        ),
    ],
)
def test_what_cannot_be_resolved_names_keys_and_no_value(
    repo: Repository, source: str | None, says: str
) -> None:
    released(repo, source)
    with pytest.raises(ActionError) as caught:
        resolved(repo)
    told = str(Error.of(caught.value))
    assert says in told
    assert caught.value.remedy
    assert "hunter2-planted" not in told.replace("sh -c 'echo hunter2-planted; exit 9'", "")


def test_check_judges_the_source_as_it_is_written(repo: Repository) -> None:
    released(repo, "PASSWORD=hunter2-planted\n")
    shown = repo.l9("check", TAG, "--substrate", "workspace", code=3)
    assert "production.env: line" not in shown
    assert "line 1: PASSWORD is secret: it must be a reference, not a literal" in shown
    assert "hunter2-planted" not in shown


def test_a_store_that_gives_nothing_stops_the_deploy_before_the_host(repo: Repository) -> None:
    released(repo, "PASSWORD=cmd:sh -c 'echo planted-out; echo planted-err >&2; exit 9'\n")
    shown = repo.l9("deploy", TAG, code=3)
    assert "PASSWORD cannot be resolved; the host was not contacted" in shown
    assert "sh returned no value: exit code 9" in shown
    assert "/nonexistent" not in shown
