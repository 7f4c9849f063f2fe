"""Secrets in real repositories. Each one is put together here, so that none of them stands in this file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from l9.checks.git.facts import LastRelease
from l9.checks.secrets.facts import Leak, Secrets
from l9.checks.secrets.history import BASELINE, secrets
from l9.errors import ActionError

AWS = "AKIA" + "Q4X7Z2" * 2 + "B3N5"
GITHUB = "ghp_" + "a1B2c3D4e5F6" * 3
PASSWORD = "Xk29" + "fjq01Zz"
OPENAI = "sk-proj-" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7rC0"


class Leaky:
    def __init__(self, root: Path) -> None:
        self.top = root / "work"
        self.git("init", "--quiet", "--initial-branch=main", str(self.top), cwd=root)
        self.base = ""

    def git(self, *args: str, cwd: Path | None = None) -> str:
        done = subprocess.run(("git", *args), cwd=cwd or self.top, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, files: dict[str, str | bytes]) -> str:
        for name, text in files.items():
            path = self.top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "-m", "Add: Something")
        return self.git("rev-parse", "HEAD")

    def seen(self, *, history: bool = False) -> Secrets:
        head = self.git("rev-parse", "HEAD")
        last = LastRelease("v1.0.0-l9", self.base) if self.base else LastRelease()
        found = secrets(self.top, self.top / ".git" / "l9", head, last, main="main", history=history)
        text = repr(found) + "".join(p.read_text() for p in (self.top / ".git" / "l9" / "secrets").iterdir())
        assert not any(secret in text for secret in (AWS, GITHUB, PASSWORD, OPENAI))  # where, never what
        return found

    def told(self, **how: bool) -> list[tuple[str, int, str]]:
        return [(leak.path, leak.line, leak.kind) for leak in self.seen(**how).leaks]


@pytest.fixture
def leaky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Leaky:
    for kind in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{kind}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{kind}_EMAIL", "ada@l9.invalid")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    return Leaky(tmp_path)


@pytest.fixture(params=["tree", "range"])
def either(request: pytest.FixtureRequest, leaky: Leaky) -> Leaky:
    """Additions are found before the first release as well as after it."""
    if request.param == "range":
        leaky.base = leaky.write({"README.md": "x"})
    return leaky


KEY = "\n".join(
    (
        "-----BEGIN OPENSSH PRIVATE " + "KEY-----",
        "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUA" * 2 + "AAAAEb",
        "-----END",
    )
)


def test_secrets_of_every_kind_are_found(either: Leaky) -> None:
    either.write(
        {
            "api/main.py": f'import os\n\nAWS = "{AWS}"\nhub = "{GITHUB}"\nllm = "{OPENAI}"\n',
            "deploy/.env.production": f"A=1\nPOSTGRES_PASSWORD={PASSWORD}\n",
            "compose.yml": f"services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: {PASSWORD}\n",
            "api/db.py": f'DSN = "postgresql://l9:{PASSWORD}@db/l9"\n',
            "ops/deploy_key": KEY + "\n",
            "ops/Dockerfile": f"FROM x\nENV API_TOKEN={PASSWORD}\n",
        }
    )
    assert either.told() == [
        ("api/db.py", 1, "Basic Auth Credentials"),
        ("api/main.py", 3, "AWS Access Key"),
        ("api/main.py", 4, "GitHub Token"),
        ("api/main.py", 5, "Base64 High Entropy String"),
        ("compose.yml", 4, "Secret Keyword"),
        ("deploy/.env.production", 2, "Secret Keyword"),
        ("ops/Dockerfile", 2, "Secret Keyword"),
        ("ops/deploy_key", 1, "Private Key"),
    ]


HEX64 = "0123456789abcdef" * 4
SRI = "sha512-" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7" * 3 + "12345" + "=="


def test_nothing_is_found_where_there_is_nothing(either: Leaky) -> None:
    either.write(
        {
            "requirements.txt": f"click==8.1.7 \\\n    --hash=sha256:{HEX64}\n",
            "uv.lock": f'[[package]]\nsdist = {{ hash = "sha256:{HEX64}" }}\n',
            "package-lock.json": f'{{"integrity": "{SRI}"}}\n',
            "web/index.html": f'<script src="x.js" integrity="{SRI}"></script>\n',
            "docker/Dockerfile": f"FROM python:3.12@sha256:{HEX64}\nENV DB_PASSWORD_FILE=/run/secrets/db\n",
            ".env.example": "DSN=postgresql://l9:YOUR_PASSWORD_HERE@db/l9\nOPENAI_API_KEY=sk-proj-YOUR_KEY_HERE\nTOKEN=\n",
            "compose.yml": "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?}\n",
            "api/main.py": 'token = os.environ["API_TOKEN"]\nSECRET_NAME = "L9_API_KEY_2"\npassword: str = Field()\n',
            "tests/test_api.py": f'password = "{PASSWORD}"\ndsn = "postgres://a:{PASSWORD}@h/d"\n',
            "tests/server.pem": KEY,
            "docs/history.md": f"Since commit `{HEX64[:40]}` the api_key is `{'x' * 30}`.\n",
        }
    )
    assert either.told() == []


@pytest.mark.parametrize(
    "text",
    [f'AWS = "{AWS}"  # pragma: allowlist secret\n', f'# pragma: allowlist nextline secret\nAWS = "{AWS}"\n'],
)
def test_a_comment_allows_a_line(either: Leaky, text: str) -> None:
    either.write({"api/main.py": text})
    assert either.told() == []


def test_a_baseline_allows_what_it_names(either: Leaky) -> None:
    either.write({"api/main.py": f'AWS = "{AWS}"\n', "ops/key": KEY, "api/db.py": f'AWS = "{AWS}"\n'})
    scanned = subprocess.run(
        ("detect-secrets", "scan", "api/main.py", "ops/key"),
        cwd=either.top, capture_output=True, text=True, check=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    either.write({BASELINE: scanned.stdout})
    assert either.told() == [("api/db.py", 1, "AWS Access Key")]


@pytest.mark.parametrize("text", ["{", "[]", '{"results": {"a": [{}]}}', '{"results": 7}'])
def test_a_baseline_that_is_none(leaky: Leaky, text: str) -> None:
    leaky.write({BASELINE: text})
    with pytest.raises(ActionError) as refused:
        leaky.seen()
    assert refused.value.remedy == f"$EDITOR {BASELINE}"


def test_what_nobody_can_read_is_said(leaky: Leaky) -> None:
    leaky.base = leaky.write({"README.md": "x"})
    leaky.write(
        {
            "photo.bin2": b"\0\1\2" * 100,
            "large.txt": f"{AWS} " * 60_000,
            "model.onnx": f"version https://git-lfs.github.com/spec/v1\noid sha256:{HEX64}\nsize 12\n",
        }
    )
    assert set(leaky.seen().skipped) == {"photo.bin2", "large.txt", "model.onnx"}
    leaky.base = ""
    found = leaky.seen()
    assert found.leaks == ()
    assert set(found.skipped) == {"large.txt", "model.onnx"}


def test_a_hundred_megabytes_take_no_time(leaky: Leaky) -> None:
    leaky.base = leaky.write({"README.md": "x"})
    leaky.write({"dump.sql": b"insert into t values (1);\n" * 4_000_000})
    for base in (leaky.base, ""):
        leaky.base = base
        began = time.monotonic()
        assert leaky.seen().skipped == ("dump.sql",)
        assert time.monotonic() - began < 5


def test_names_that_are_no_text(leaky: Leaky) -> None:
    odd, shown = os.fsdecode(b'caf\xe9 "x"\n.py'), 'caf\\udce9 "x"\n.py'
    leaky.base = leaky.write({"README.md": "x"})
    leaky.write({odd: f'AWS = "{AWS}"\n'})
    assert leaky.told() == [(shown, 1, "AWS Access Key")]
    leaky.base = ""
    assert leaky.told() == [(shown, 1, "AWS Access Key")]


def test_what_was_there_before_is_nobodys_fault_now(leaky: Leaky) -> None:
    leaky.base = leaky.write({"api/main.py": f'AWS = "{AWS}"\n'})
    leaky.write({"api/other.py": "x = 1\n"})
    assert leaky.told() == []
    assert leaky.told(history=True) == [("api/main.py", 1, "AWS Access Key")]


def test_what_was_added_and_taken_away_is_still_in_the_history(leaky: Leaky, tmp_path: Path) -> None:
    leaky.base = leaky.write({"README.md": "x"})
    added = leaky.write({"api/main.py": f'AWS = "{AWS}"\n'})
    leaky.write({"api/main.py": "x = 1\n"})
    leak = Leak("api/main.py", 1, "AWS Access Key", added, gone=True)
    assert leaky.seen().leaks == (leak,)
    leaky.git("init", "--quiet", "--bare", str(tmp_path / "origin.git"))
    leaky.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    leaky.git("push", "--quiet", "origin", "main")
    assert leaky.seen().leaks == (Leak("api/main.py", 1, "AWS Access Key", added, gone=True, pushed=True),)


def test_a_merge_is_looked_at_too(leaky: Leaky) -> None:
    leaky.base = leaky.write({"a.py": "x = 1\n"})
    leaky.git("switch", "--quiet", "--create", "feature/x")
    leaky.write({"b.py": "x = 2\n"})
    leaky.git("switch", "--quiet", "main")
    leaky.git("merge", "--quiet", "--no-ff", "--no-commit", "feature/x")
    merged = leaky.write({"evil.py": f'AWS = "{AWS}"\n'})
    assert [(leak.path, leak.commit) for leak in leaky.seen().leaks] == [("evil.py", merged)]


def test_the_users_own_settings_change_nothing(leaky: Leaky) -> None:
    leaky.base = leaky.write({"a.py": "x = 1\n"})
    leaky.write({"a.py": f'x = 1\nAWS = "{AWS}"\n'})
    for name, value in (
        ("diff.noprefix", "true"), ("diff.mnemonicPrefix", "true"), ("color.ui", "always"), ("diff.external", "false"),
        ("log.showSignature", "true"), ("diff.context", "5"), ("grep.lineNumber", "false"), ("color.grep", "always"),
    ):  # fmt: skip
        leaky.git("config", name, value)
    assert leaky.told() == [("a.py", 2, "AWS Access Key")]
    leaky.base = ""
    assert leaky.told() == [("a.py", 2, "AWS Access Key")]


def test_the_outcome_is_remembered(leaky: Leaky) -> None:
    leaky.write({"api/main.py": f'AWS = "{AWS}"\n'})
    first = leaky.seen()
    (kept,) = (leaky.top / ".git" / "l9" / "secrets").iterdir()
    changed = {**json.loads(kept.read_text()), "skipped": ["a mark"]}
    kept.write_text(json.dumps(changed))
    assert leaky.seen().skipped == ("a mark",)
    kept.write_text("{")
    assert leaky.seen() == first


def test_a_place_that_cannot_be_written_costs_time_only(leaky: Leaky) -> None:
    leaky.write({"api/main.py": "x = 1\n"})
    (leaky.top / ".git" / "l9").write_text("")
    head = leaky.git("rev-parse", "HEAD")
    assert secrets(leaky.top, leaky.top / ".git" / "l9", head, LastRelease(), main="main").leaks == ()


def test_a_commit_that_is_not_there(leaky: Leaky) -> None:
    leaky.write({"a.py": "x"})
    with pytest.raises(ActionError):
        secrets(leaky.top, leaky.top / ".git" / "l9", "f" * 40, LastRelease("v1", "e" * 40), main="main")
