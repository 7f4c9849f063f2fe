"""Places for the end-to-end cases. The same cases run on both."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("e2e.cases", "e2e.place")

from e2e.embedded_place import EmbeddedPlace
from e2e.host_place import HostPlace
from e2e.place import Place
from hosts.fixtures import base_images, host, network
from hosts.host import Host

__all__ = ["base_images", "host", "network"]


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder for one place; not below pytest's own, for PostgreSQL's user must be able to walk there."""
    folder = Path(tempfile.mkdtemp(prefix="l9-e2e-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def embedded_place(root: Path) -> Iterator[Place]:
    """Processes as slots on this machine, with nothing deployed yet."""
    stage = EmbeddedPlace(root)
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()


@pytest.fixture
def host_place(root: Path, host: Host) -> Iterator[Place]:
    """A provisioned host of its own, with nothing deployed yet."""
    made = HostPlace(root, host)
    try:
        made.start()
        yield made
    finally:
        made.clean()
