"""`l9 lock` with the real uv, on an index of the test's own, and with the real pip-audit where nobody answers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from documented import documents

PROJECT = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["alpha>=1"]\n'


def wheel(directory: Path, name: str, version: str, *needs: str) -> str:
    """A wheel with nothing in it; its SHA-256."""
    info = f"{name}-{version}.dist-info"
    lines = (
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {n}" for n in needs),
    )
    path = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Place:
    """A repository, and an index that uv's own configuration names."""

    def __init__(self, root: Path) -> None:
        self.work, self.index = root / "the work", root / "index"
        self.index.mkdir()
        subprocess.run(("git", "init", "--quiet", str(self.work)), check=True)
        (root / "uv.toml").write_text(f'no-index = true\nfind-links = ["{self.index}"]\n', encoding="utf-8")
        self.env = {
            **os.environ,
            "UV_CONFIG_FILE": str(root / "uv.toml"),
            "UV_CACHE_DIR": str(root / "cache"),
        }
        self.hashes = {
            f"{name}=={version}": wheel(self.index, name, version, *needs)
            for name, version, *needs in (
                ("alpha", "1.0", "beta>=1"),
                ("beta", "1.0"),
                ("beta", "1.1"),
                ("gamma", "3.0"),
            )
        }
        self.write("pyproject.toml", PROJECT)

    def write(self, path: str, text: str) -> None:
        (self.work / path).write_text(text, encoding="utf-8")

    def read(self, path: str = "requirements.txt") -> str:
        return (self.work / path).read_text(encoding="utf-8")

    def l9(self, *args: str, code: int, **env: str) -> str:
        done = subprocess.run(
            (sys.executable, "-m", "l9", "lock", *args),
            cwd=self.work, env={**self.env, **env}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout or done.stderr

    def document(self, *args: str, code: int, **env: str) -> dict[str, Any]:
        (found,) = documents(self.l9(*args, "--json", code=code, **env))
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_lock_is_exact_hashed_and_names_no_index(place: Place) -> None:
    found = place.document(code=0)
    assert (found["written"], found["drifted"]) == (True, True)
    text = place.read()
    for pin in ("alpha==1.0", "beta==1.1"):
        assert f"{pin} \\\n    --hash=sha256:{place.hashes[pin]}" in text
    assert "l9 lock" in text
    assert str(place.index) not in text
    assert "http" not in text
    assert place.document("--check", code=0)["drifted"] is False


def test_what_is_locked_stays_until_it_is_to_move(place: Place) -> None:
    place.write("requirements.txt", "beta==1.0\n")
    found = place.document(code=0)
    assert found["locks"][0]["changes"] == [{"name": "alpha", "before": [], "after": ["1.0"]}]
    assert found["locks"][0]["unhashed"] == ["beta"]
    assert "beta==1.0 " in place.read()
    assert "beta 1.0 -> 1.1" in place.l9("--upgrade", "beta", code=0)
    place.write("requirements.txt", "beta==1.0\n")
    place.l9("--upgrade", code=0)
    assert "beta==1.1" in place.read()
    assert "gamma is in no lock" in place.l9("--upgrade", "gamma", code=2)
    assert "invalid dependency name" in place.l9("--upgrade", "../gamma", code=2)


def test_drift_is_told_and_nothing_is_written(place: Place) -> None:
    assert "does not exist yet" in place.l9("--check", code=3)
    assert not (place.work / "requirements.txt").exists()
    place.l9(code=0)
    place.write("pyproject.toml", PROJECT.replace('"alpha>=1"', '"beta<1.1", "gamma"'))
    before = place.read()
    (lock,) = place.document("--check", code=3)["locks"]
    assert lock["changes"] == [
        {"name": "alpha", "before": ["1.0"], "after": []},
        {"name": "beta", "before": ["1.1"], "after": ["1.0"]},
        {"name": "gamma", "before": [], "after": ["3.0"]},
    ]
    assert place.read() == before
    text = place.l9("--check", code=3)
    assert [line.strip() for line in text.splitlines()[1:]] == [
        "- alpha 1.0",
        "~ beta 1.1 -> 1.0",
        "+ gamma 3.0",
        "next      l9 lock",
    ]


def test_a_part_keeps_to_the_lock_of_the_whole(place: Place) -> None:
    place.write("pyproject.toml", f'{PROJECT}[dependency-groups]\ntest = ["gamma", "beta"]\n')
    place.write("requirements.txt", "beta==1.0\n")
    place.write("requirements-test.txt", "")
    place.l9(code=0)
    text = place.read("requirements-test.txt")
    assert "beta==1.0 " in text
    assert "gamma==3.0 " in text
    assert "-c requirements.txt" in text
    assert "/l9-lock-" not in text
    place.l9("--check", code=0)


def test_versions_that_do_not_fit_and_nothing_to_lock(place: Place) -> None:
    place.write("pyproject.toml", PROJECT.replace("alpha>=1", "alpha>=9"))
    told = place.l9(code=3)
    assert "requirements.txt cannot be made from pyproject.toml" in told
    assert "alpha>=9" in told
    place.write("pyproject.toml", "[tool.ruff]\n")
    assert "there is nothing to lock" in place.l9(code=2)
    place.write("uv.lock", "")
    assert "uv.lock is this project's lock" in place.l9(code=2)
    place.write("pyproject.toml", "[project\n")
    assert "pyproject.toml is not TOML" in place.l9(code=3)
    assert "mutually exclusive" in place.l9("--check", "--audit", code=2)


# ── pip-audit ────────────────────────────────────────────────────────────────────────────────────


def test_a_service_that_does_not_answer_is_no_good_news(place: Place) -> None:
    """The real pip-audit, told to ask where nobody listens."""
    place.write("requirements.txt", "alpha==1.0\n")
    nobody = {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv", "PIP_AUDIT_OSV_URL": "http://127.0.0.1:9"}
    refused = json.loads(place.l9("--audit", "--json", code=3, **nobody))
    assert refused["message"] == "cannot check for known vulnerabilities"
    assert "Connection refused" in refused["evidence"][0]["observed"]
    assert "vulnerabilities found" not in place.l9("--audit", code=3, **nobody)


def test_nothing_is_locked_yet(place: Place) -> None:
    assert "no lock to audit" in place.l9("--audit", code=2)


def fake_audit(place: Place, out: str) -> dict[str, str]:
    """FAKE: a stand-in for pip-audit on PATH, for answers that the real one gives only with its service."""
    programs = place.work.parent / "bin"
    programs.mkdir(exist_ok=True)
    program = programs / "pip-audit"
    program.write_text(f"#!{sys.executable}\nprint('''{out}''')\n", encoding="utf-8")
    program.chmod(0o755)
    return {"PATH": f"{programs}:{os.environ['PATH']}"}


def answer(*rows: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(rows), "fixes": []})


def test_what_the_service_knows(place: Place) -> None:
    place.write("requirements.txt", "alpha==1.0\nbeta==1.0\n")
    place.write("uv.lock", '[[package]]\nname = "gamma"\nversion = "3.0"\n')
    known = {"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": ["CVE-2026-1"]}
    rows = (
        {"name": "alpha", "version": "1.0", "vulns": []},
        {"name": "beta", "version": "1.0", "vulns": [known]},
    )
    env = fake_audit(place, answer(*rows))
    found = place.document("--audit", code=3, **env)
    assert found["vulnerable"][0]["fixed_in"] == ["1.1"]
    text = place.l9("--audit", code=3, **env)
    assert "✘ beta 1.0: PYSEC-1 (CVE-2026-1), fixed in 1.1" in text
    assert "next      l9 lock --upgrade beta" in text
    assert place.document("--audit", code=0, **fake_audit(place, answer(rows[0])))["good"] is True


def test_what_was_skipped_is_unknown(place: Place) -> None:
    """The real pip-audit exits with 0 where its service has never heard of a name."""
    place.write("requirements.txt", "alpha==1.0\n")
    row = {"name": "alpha", "skip_reason": "not found"}
    assert place.document("--audit", code=3, **fake_audit(place, answer(row)))["good"] is False
    text = place.l9("--audit", code=3, **fake_audit(place, answer(*[row] * 9)))
    assert text.splitlines()[-2:] == [
        "✘ 4 more were not audited",
        "0 of 9 locked versions audited, 0 known vulnerabilities",
    ]
