"""`l9 env` with a real agent and real files; no value of any file is ever printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli_check import Repository

from documented import documents
from l9.configuration import load
from provisioned_here import provision_here

PLANTED = ("hunter2-planted", "s3cr3t-planted", "other-planted")
EXAMPLE = """\
# secret
PASSWORD=
# type: port
PORT=8000
# optional
SPARE=
# allowed: debug | info
LEVEL=info
"""


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    text = 'app = "l9-api"\n'
    for name in ("production", "staging"):
        (tmp_path / name).mkdir()
        text += f'[targets.{name}]\nhost = "local"\npath = "{tmp_path / name}"\nruntime = "process"\n'
    made.write("l9.toml", text)
    for name in ("production", "staging"):
        provision_here(load(made.work, name))
    made.write(".env.example", EXAMPLE)
    made.commit()
    return made


def host_env(repo: Repository, target: str, text: str, mode: int = 0o600) -> Path:
    path = repo.work.parent / target / ".env"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def l9(repo: Repository, *args: str, code: int) -> str:
    shown = repo.l9(*args, code=code)
    assert not any(value in shown for value in PLANTED)
    return shown


def verdicts(repo: Repository, *args: str, code: int) -> dict[str, str]:
    (found,) = documents(l9(repo, *args, "--json", code=code))
    return {key["key"]: key.get("found") or key["result"] for key in found["keys"]}


def test_hosts_file_that_fits(repo: Repository) -> None:
    path = host_env(repo, "production", "PASSWORD=hunter2-planted\nPORT=8000\nLEVEL=info\n")
    assert verdicts(repo, "env", "check", code=0) == {
        "PASSWORD": "fits", "PORT": "fits", "SPARE": "left out", "LEVEL": "fits",
    }  # fmt: skip
    text = l9(repo, "env", "check", "--target", "production", code=0)
    assert text.startswith(f"{path} on production (mode 0600) against .env.example of HEAD")


def test_hosts_file_that_does_not(repo: Repository) -> None:
    host_env(
        repo, "staging", "PORT=hunter2-planted\nLEVEL=s3cr3t-planted\nOTHER=1\nPORT=x\nhunter2-planted\n"
    )
    found = verdicts(repo, "env", "check", "--target", "staging", code=3)
    assert found == {
        "PASSWORD": "missing", "PORT": "wrong", "SPARE": "left out", "LEVEL": "wrong", "OTHER": "no rule",
    }  # fmt: skip
    text = l9(repo, "env", "check", "--target", "staging", code=3)
    assert "LEVEL                            wrong: expected one of debug | info" in text
    assert "line 5 is not an assignment" in text
    assert "PORT is set more than once" in text
    assert "next  $EDITOR" in text


def test_hosts_file_that_others_may_read_or_that_is_not_there(repo: Repository) -> None:
    host_env(repo, "production", "PASSWORD=hunter2-planted\nPORT=8000\nLEVEL=info\n", 0o644)
    assert "next  chmod 600" in l9(repo, "env", "check", code=3)
    assert "no such file" in l9(repo, "env", "check", "--target", "staging", code=3)


def test_local_file_is_compared_where_it_lies(repo: Repository) -> None:
    repo.write(".env.local", "PASSWORD=hunter2-planted\nPORT=8000\nLEVEL=debug\n")
    assert set(verdicts(repo, "env", "check", ".env.local", code=0).values()) == {"fits", "left out"}
    repo.write(".env.local", "PASSWORD=\n")
    assert verdicts(repo, "env", "check", ".env.local", code=3)["PASSWORD"] == "missing"


def test_schema_is_the_releases_and_not_what_lies_there(repo: Repository) -> None:
    repo.git("tag", "-a", "v1.0.0-l9", "-m", "Release v1.0.0-l9")
    repo.write(".env.example", EXAMPLE + "NEW=\n")
    repo.write(".env.local", "PASSWORD=hunter2-planted\nPORT=8000\nLEVEL=debug\n")
    assert "NEW" not in verdicts(repo, "env", "check", ".env.local", code=0)
    repo.commit()
    assert verdicts(repo, "env", "check", ".env.local", code=3)["NEW"] == "missing"
    assert "NEW" not in verdicts(repo, "env", "check", ".env.local", "--tag", "v1.0.0-l9", code=0)


@pytest.mark.parametrize(
    ("args", "says", "code"),
    [
        (("check", "nowhere"), "file not found: nowhere", 2),
        (("check", "."), "a directory", 2),
        (("check", "--tag", "../x"), "invalid tag name", 2),
        (("check", ".latin"), "cannot be read", 3),
        (("diff", "nowhere", "production"), "file not found: nowhere", 2),
        (("diff", "production", "staging"), "production has no environment file", 3),
    ],
)
def test_what_cannot_be_compared_is_a_clear_line(
    repo: Repository, args: tuple[str, ...], says: str, code: int
) -> None:
    (repo.work / ".latin").write_bytes(b"PASSWORD=hunter2-planted\xe9\n")
    shown = l9(repo, "env", *args, code=code)
    assert says in shown
    assert "next" in shown


def test_no_schema_is_a_clear_line(repo: Repository) -> None:
    repo.git("rm", "--quiet", ".env.example")
    repo.commit()
    assert "no environment schema in HEAD" in l9(repo, "env", "check", code=2)


# ── diff ─────────────────────────────────────────────────────────────────────────────────────────


def test_two_targets_and_a_file_key_by_key(repo: Repository) -> None:
    host_env(repo, "production", "PASSWORD=hunter2-planted\nPORT='8000'\nONE=s3cr3t-planted\n")
    host_env(repo, "staging", "PASSWORD=other-planted\nPORT=8000\nTWO=s3cr3t-planted\n")
    assert verdicts(repo, "env", "diff", "production", "staging", code=7) == {
        "PASSWORD": "differs", "PORT": "same", "ONE": "only in A", "TWO": "only in B",
    }  # fmt: skip
    repo.write("copy", "TWO=s3cr3t-planted\nPORT=8000\nPASSWORD=other-planted\n")
    assert set(verdicts(repo, "env", "diff", "copy", "staging", code=0).values()) == {"same"}
    text = l9(repo, "env", "diff", "production", "copy", code=7)
    assert "≠ PASSWORD                         differs" in text
    assert text.endswith("they differ\n")


def test_fingerprints_go_nowhere_and_differ_every_time(repo: Repository) -> None:
    host_env(repo, "production", "PASSWORD=hunter2-planted\n")
    host_env(repo, "staging", "PASSWORD=hunter2-planted\n")
    shown = [l9(repo, "env", "diff", "production", "staging", "--json", code=0) for _ in range(2)]
    assert shown[0] == shown[1]
    assert set(documents(shown[0])[0]["keys"][0]) == {"key", "result"}
