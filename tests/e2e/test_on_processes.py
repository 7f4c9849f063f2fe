"""Every case on the embedded default: processes as slots, Caddy and PostgreSQL from wheels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.cases import *  # noqa: F403  # pytest finds the cases, and their fixtures, in here
from e2e.embedded_place import EmbeddedPlace
from e2e.kept import Kept, keeping

pytestmark = [pytest.mark.timeout(420), pytest.mark.embedded]


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    """Processes as slots on this machine."""
    with keeping(EmbeddedPlace) as found:
        yield found
