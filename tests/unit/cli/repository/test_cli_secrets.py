"""`l9 check` where something was committed that should not have been: told by its place, never shown."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from documented import documents

AWS = "AKIA" + "Q4X7Z2" * 2 + "B3N5"
TAG = "v1.0.0-l9"


class Told:
    def __init__(self, top: Path) -> None:
        self.top = top
        self.git("init", "--quiet", "--initial-branch=main")
        self.write("l9.toml", 'app = "a"\n[targets.production]\nhost = "local"\n')

    def git(self, *args: str) -> None:
        who = {f"GIT_{w}_{k}": "a@l9.invalid" for w in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
        subprocess.run(
            ("git", *args), cwd=self.top, env={**os.environ, **who}, check=True, capture_output=True
        )

    def write(self, path: str, text: str) -> None:
        (self.top / path).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Add: Something")

    def check(self, *args: str, code: int) -> dict[str, str]:
        """Return the verdict on secrets; neither form of the output may hold one."""
        for form in ((), ("--json",)):
            argv = (sys.executable, "-m", "l9", "check", "--substrate", "repository", *args, *form)
            done = subprocess.run(argv, cwd=self.top, capture_output=True, text=True)
            assert done.returncode == code, (done.stdout, done.stderr)
            assert AWS not in done.stdout + done.stderr
        (found,) = documents(done.stdout)
        return next(one for one in found["invariants"] if one["id"] == "repository.no-secrets")


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def test_a_secret_closes_and_the_file_is_named(told: Told) -> None:
    told.write("my app.py", f'KEY = "{AWS}"\n')
    found = told.check(code=3)
    assert (found["verdict"], found["found"]) == ("fail", "1 found; my app.py:1 AWS Access Key")
    assert shlex.split(found["remedy"]) == ["$EDITOR", "my app.py"]
    assert "pragma: allowlist secret" in found["log"][0]


def test_the_whole_history_is_read_on_request(told: Told) -> None:
    told.write("app.py", f'KEY = "{AWS}"\n')
    told.write("app.py", "KEY = None\n")
    told.git("tag", "--annotate", TAG, "-m", f"Release {TAG}: First")
    told.write("other.py", "x = 1\n")
    assert told.check(code=0)["found"] == f"none found in the changes since {TAG}"
    found = told.check("--history", code=3)
    assert found["found"].startswith("1 found; app.py:1 AWS Access Key in ")
    assert found["expected"] == "no secrets in the whole history"
