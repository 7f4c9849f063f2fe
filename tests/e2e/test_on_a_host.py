"""Every case on a host of its own: real ssh, Docker Compose, Caddy as a service."""

from __future__ import annotations

import pytest

from e2e.cases import *  # noqa: F403  # pytest finds the cases, and their fixture, in here

pytestmark = [pytest.mark.timeout(420), pytest.mark.host]


@pytest.fixture
def place(host_place: object) -> object:
    """Where the cases happen."""
    return host_place
