"""`l9 check` on real repositories: what holds, what does not, and what is only made later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from documented import documents
from l9.catalogue import catalogue
from l9.core.verdict import VerdictKind

TAG = "v1.0.0-l9"
CONFIG = 'app = "l9-api"\n[targets.production]\nhost = "local"\n'


class Repository:
    """A working copy, and the bare repository that is its origin."""

    def __init__(self, root: Path) -> None:
        self.work, self.origin = root / "work", root / "origin.git"
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.origin), cwd=root)
        self.git("init", "--quiet", "--initial-branch=main", str(self.work), cwd=root)
        self.git("remote", "add", "origin", str(self.origin))
        self.write("l9.toml", CONFIG)
        self.write("requirements.txt", "fastapi==0.104.1\n")

    def git(self, *args: str, cwd: Path | None = None) -> str:
        who = {
            f"GIT_{who}_{what}": f"{what.lower()}@l9.invalid"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        done = subprocess.run(
            ("git", *args),
            cwd=cwd or self.work,
            env={**os.environ, **who},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        (self.work / path).write_text(text, encoding="utf-8")

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Add: Something")

    def l9(self, *args: str, code: int) -> str:
        done = subprocess.run(
            (sys.executable, "-m", "l9", *args), cwd=self.work, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout or done.stderr

    def check(self, *args: str, code: int) -> dict[str, Any]:
        """The document, read through its published schema."""
        (found,) = documents(self.l9("check", *args, "--json", code=code))
        assert found["ready"] is (code == 0)
        return found

    def verdicts(self, *args: str, code: int) -> dict[str, str]:
        return {one["id"]: one["verdict"] for one in self.check(*args, code=code)["invariants"]}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_before_the_first_commit(repository: Repository) -> None:
    found = repository.check(code=3)
    assert (found["tag"], found["commit"]) == (None, "")
    by_id = {one["id"]: one for one in found["invariants"]}
    assert by_id["workspace.no-untracked-files"]["found"] == "l9.toml, requirements.txt"
    assert by_id["workspace.dependencies-locked"]["verdict"] == "unknown"
    assert by_id["workspace.dependencies-locked"]["remedy"] == "git add --all && git commit"


def test_head_that_is_no_release_yet(repository: Repository) -> None:
    repository.commit()
    found = repository.verdicts(code=0)
    assert found["workspace.dependencies-locked"] == "pass"
    assert found["workspace.sim-passed"] == "pending"
    assert {v for name, v in found.items() if name.startswith("repository.tag-")} == {"pending"}
    assert found["repository.commit-messages"] == "pass"


def test_head_that_carries_a_release(repository: Repository) -> None:
    repository.commit()
    for tag in ("v0.9.0-l9", TAG, "not-a-release"):
        repository.git("tag", "--annotate", tag, "-m", f"Release {tag}: First")
    found = repository.check(code=0)
    assert found["tag"] == TAG
    verdicts = {one["id"]: one["verdict"] for one in found["invariants"]}
    assert verdicts["repository.tag-annotated"] == "pass"
    assert verdicts["repository.tag-on-origin"] == "pending"
    repository.git("push", "--quiet", "origin", "main", TAG)
    assert repository.verdicts(code=0)["repository.tag-on-origin"] == "pass"


def test_a_tag_that_moved_is_an_alarm(repository: Repository) -> None:
    repository.commit()
    repository.git("tag", "--annotate", TAG, "-m", f"Release {TAG}: First")
    repository.git("push", "--quiet", "origin", "main", TAG)
    repository.git("tag", "--annotate", "--force", TAG, "-m", f"Release {TAG}: Again")
    found = {one["id"]: one for one in repository.check(TAG, code=3)["invariants"]}
    assert "moved!" in found["repository.tag-on-origin"]["found"]


def test_people_read_what_fails_and_the_next_command(repository: Repository) -> None:
    repository.write("requirements.txt", "fastapi>=0.104\n")
    repository.commit()
    shown = repository.l9("check", code=3)
    assert "✘ fail     workspace.dependencies-locked" in shown
    assert "expected  every dependency exact (==)" in shown
    assert "next      $EDITOR requirements.txt" in shown
    assert " pass, 1 fail, " in shown.splitlines()[-1]
    assert shown.endswith("l9 check --explain workspace.dependencies-locked\n")


def test_one_substrate_only(repository: Repository) -> None:
    repository.commit()
    found = repository.verdicts("--substrate", "repository", code=0)
    assert {name.partition(".")[0] for name in found} == {"repository"}


def test_an_invariant_is_explained(repository: Repository) -> None:
    text = repository.l9("check", "--explain", "repository.tag-annotated", code=0)
    assert "an annotated tag records who released" in text
    (found,) = documents(repository.l9("check", "--explain", "repository.tag-annotated", "--json", code=0))
    assert found["gates"] == ["LOCAL-READY", "CREATE-ANNOTATED-TAG"]
    refused = json.loads(repository.l9("check", "--explain", "workspace.on-man", "--json", code=2))
    assert "workspace.on-main" in refused["evidence"][0]["expected"]


def test_a_name_that_is_no_release(repository: Repository) -> None:
    repository.commit()
    assert "invalid tag name" in repository.l9("check", "--", "--upload-pack=x", code=2)


PROJECT = '[project]\nname = "x"\nversion = "1"\ndependencies = ["fastapi>=0.100"]\n'


def test_what_is_declared_is_locked(repository: Repository) -> None:
    repository.write("pyproject.toml", PROJECT)
    repository.write("requirements.txt", "-r more/base.txt\n")
    (repository.work / "more").mkdir()
    repository.write("more/base.txt", "fastapi==0.104.1\n")
    repository.commit()
    assert repository.verdicts(code=0)["workspace.project-matches-lock"] == "pass"
    repository.write("more/base.txt", "fastapi==0.99\nclick\n")
    repository.commit()
    found = {one["id"]: one for one in repository.check(code=3)["invariants"]}
    amiss = found["workspace.project-matches-lock"]
    assert (amiss["verdict"], amiss["found"], amiss["remedy"]) == ("fail", "fastapi==0.99", "l9 lock")
    assert "more/base.txt:2: click" in found["workspace.dependencies-locked"]["found"]


def test_a_project_file_that_cannot_be_read_is_unknown_and_may_be_waived(repository: Repository) -> None:
    repository.write("pyproject.toml", "[project\n")
    repository.commit()
    found = {one["id"]: one for one in repository.check(code=3)["invariants"]}
    assert found["workspace.project-matches-lock"]["verdict"] == "unknown"
    waived = '[check.waive]\n"workspace.project-matches-lock" = "made elsewhere"\n'
    repository.write("l9.toml", CONFIG + waived)
    repository.commit()
    found = {one["id"]: one for one in repository.check(code=0)["invariants"]}
    waived = found["workspace.project-matches-lock"]
    assert (waived["verdict"], waived["closes"], waived["excused"]) == (
        "unknown",
        False,
        "waived (made elsewhere)",
    )


def test_every_verdict_is_as_the_published_schema_says(repository: Repository) -> None:
    repository.write("requirements.txt", "fastapi>=0.104\n")
    repository.write("Dockerfile", "RUNN\n")
    repository.commit()
    found = json.loads(repository.l9("check", "--json", code=3))
    schema = json.loads(repository.l9("schema", "l9.check/1", code=0))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema)
    assert {one["verdict"] for one in found["invariants"]} == set(VerdictKind)
    reasons = {invariant.id: invariant.why for invariant in catalogue()}
    assert {one["id"]: one["why"] for one in found["invariants"]}.items() <= reasons.items()
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**found, "invariants": [{"id": "workspace.on-main"}]}, schema)
