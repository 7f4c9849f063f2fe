"""Test cases for finding the scripts and workflows of a tree, on real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from l9.checks.git.automation import automation
from l9.checks.git.facts import Automation
from l9.drivers.git.tree import GitTree

DEPLOYS = "jobs:\n  deploy:\n    steps:\n      - run: ./scripts/deploy.sh v1.0.0-l9\n"
TELLS = "      - if: failure()\n        run: tell\n"


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"a.txt": "l9 deploy failure()"}, Automation()),
        ({".github/workflows/deploy.yml": DEPLOYS}, Automation()),
        ({".github/workflows/test.yml": TELLS}, Automation()),
        (
            {".github/workflows/deploy.yml": DEPLOYS + TELLS},
            Automation(workflows=(".github/workflows/deploy.yml",)),
        ),
        (
            {".gitlab-ci.yml": "a: {script: [l9 deploy v1], when: on_failure}"},
            Automation(workflows=(".gitlab-ci.yml",)),
        ),
        (
            {
                "scripts/b.sh": "#!/bin/sh\n",
                "scripts/a.sh": "#!/bin/sh\n",
                "a.sh": "#!/bin/sh\n",
                "scripts/x": "#!/bin/sh\n",
            },
            Automation(not_executable=("scripts/a.sh", "scripts/b.sh")),
        ),
        ({"scripts/deploy.sh": "exec l9 deploy"}, Automation(("scripts/deploy.sh",))),
    ],
)
def test_what_runs_l9_for_people(tmp_path: Path, files: dict[str, str], wanted: Automation) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@l9.invalid")
    for argv in (("init", "-q"), ("add", "--all"), (*who, "commit", "-qm", "Add: All")):
        subprocess.run(("git", *argv), cwd=tmp_path, check=True)
    assert automation(GitTree(tmp_path, "HEAD")) == wanted
