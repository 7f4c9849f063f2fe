"""The stage that refused commands are typed on: staged once, and changed by none of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.loopback import Sshd, launcher
from e2e.refusals import Desk
from e2e.refusing_stage import Refusing, staged


@pytest.fixture(scope="package")
def stage() -> Iterator[Refusing]:
    with staged("stage") as made:
        yield made


@pytest.fixture
def desk(stage: Refusing, tmp_path: Path) -> Desk:
    """A working copy and an origin of this case's own; its host is everybody's, and nobody may change it."""
    origin = shutil.copytree(stage.origin, tmp_path / "origin.git")
    work = shutil.copytree(stage.work, tmp_path / "work", ignore=shutil.ignore_patterns("__pycache__"))
    desk = Desk(stage, work, origin)
    desk.git("remote", "set-url", "origin", str(origin))
    desk.git("fetch", "--quiet")
    return desk


@pytest.fixture(scope="package")
def ssh(stage: Refusing) -> Iterator[Sshd]:
    (stage.root / "bare host").mkdir()
    launcher(stage.host)
    with stage.sshd.running() as sshd:
        yield sshd
