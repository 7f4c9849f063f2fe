"""Every case on the embedded default: processes as slots, Caddy and PostgreSQL from wheels."""

from __future__ import annotations

import pytest

from e2e.cases import *  # noqa: F403  # pytest finds the cases, and their fixture, in here

pytestmark = [pytest.mark.timeout(420), pytest.mark.embedded]


@pytest.fixture
def place(embedded_place: object) -> object:
    """Where the cases happen."""
    return embedded_place
