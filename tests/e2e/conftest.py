"""Places for the end-to-end cases. The same cases run on both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("e2e.cases", "e2e.place")

from e2e.embedded_place import EmbeddedPlace
from e2e.kept import new_root
from hosts.fixtures import base_images, host, network

__all__ = ["base_images", "host", "network"]


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder for one place."""
    folder = new_root()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def embedded_place(root: Path) -> Iterator[EmbeddedPlace]:
    """Processes as slots on this machine, with nothing deployed yet, for one test alone."""
    stage = EmbeddedPlace(root)
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()
