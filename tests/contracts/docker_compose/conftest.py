"""One engine for all tests of this folder, and a project that leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_compose.own_docker import BASE, lacking, own_engine
from docker_compose.project import Project
from l9.drivers.docker.engine import Engine
from l9.drivers.docker.engine_commands import path as docker_path


@pytest.fixture(scope="package")
def engine() -> Iterator[str]:
    reason = lacking()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    with own_engine() as host:
        yield host


@pytest.fixture
def project(engine: str, tmp_path: Path) -> Iterator[Project]:
    yield Project(engine, tmp_path / "the shop ü")
    clear(Engine(engine))


def clear(engine: Engine) -> None:
    """Leave nothing but the base image. Over the socket: six CLI calls a test would take longer than the test."""
    for container in engine._ask("GET", "/containers/json?all=1", "list"):
        engine._ask("DELETE", f"/containers/{container['Id']}?force=1&v=1", "remove")
    engine._ask("POST", "/networks/prune", "prune")
    engine._ask("POST", docker_path("volumes", "prune", filters={"all": ["true"]}), "prune")
    for image in engine._ask("GET", "/images/json", "list"):
        for tag in image["RepoTags"]:
            if tag != BASE:
                engine._ask("DELETE", docker_path("images", tag, force=1), "remove")
