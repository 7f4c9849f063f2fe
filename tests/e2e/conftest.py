"""Places for the end-to-end cases. The same cases run on both."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.embedded_place import EmbeddedPlace
from e2e.place import Place
from hosts.fixtures import base_images, host, network

__all__ = ["base_images", "host", "network"]


@pytest.fixture(
    params=[
        pytest.param("embedded", marks=pytest.mark.embedded),
        pytest.param("host", marks=pytest.mark.host),
    ]
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A fresh place with nothing deployed yet."""
    # Not below pytest's own folder: PostgreSQL's user must be able to walk there.
    root = Path(tempfile.mkdtemp(prefix="l9-e2e-", dir="/var/tmp"))
    root.chmod(0o755)
    try:
        yield from _embedded(root) if request.param == "embedded" else _host(root, request)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _embedded(root: Path) -> Iterator[Place]:
    stage = EmbeddedPlace(root)
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()


def _host(root: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    from e2e.host_place import HostPlace

    made = HostPlace(root, request.getfixturevalue("host"))
    try:
        made.start()
        yield made
    finally:
        made.clean()
