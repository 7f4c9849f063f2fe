"""The real Docker Compose reads the `.env` that a deploy writes as it was meant. No engine is needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from docker_compose.own_docker import DOCKER
from l9.checks.environment.env_file import Entry, Secret, render_env

VALUES = (
    "plain", "", "it's $5", "pa$ word #1", "two\nlines", "a\\b", "a\\nb", 'say "hi" $HOME', "${HOME}", "tab\there",
    "trailing\\", "'q'", "x#y", " lead", "ä€", "$", "a'b\"c\\d$e\nf", "\\$x", "`id`", "carriage\rreturn",
)  # fmt: skip


def test_values_come_to_a_container_as_they_are(tmp_path: Path) -> None:
    lacking = shutil.which(DOCKER) is None
    if lacking and os.environ.get("CI") == "true":
        pytest.fail(f"needs {DOCKER}")
    if lacking:
        pytest.skip(f"needs {DOCKER}: tools/test_host_packages.py installs it")
    entries = [Entry(f"K{i}", Secret(value), False, 0, quote="'") for i, value in enumerate(VALUES)]
    (tmp_path / ".env").write_text(render_env(entries), encoding="utf-8")
    filled_in = "".join(f"      I{i}: ${{K{i}}}\n" for i in range(len(VALUES)))
    file = tmp_path / "compose.yaml"
    file.write_text(
        f"services:\n  a:\n    image: x\n    env_file: .env\n    environment:\n{filled_in}", encoding="utf-8"
    )
    argv = (DOCKER, "compose", "--file", str(file), "config", "--format", "json")
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=tmp_path)
    found = json.loads(done.stdout)["services"]["a"]["environment"]
    for i, value in enumerate(VALUES):
        for name in (f"K{i}", f"I{i}"):
            assert found[name].replace("$$", "$") == value, name
