"""Every case on a host of its own: real ssh, Docker Compose, Caddy as a service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.cases import *  # noqa: F403  # pytest finds the cases, and their fixtures, in here
from e2e.host_place import HostPlace
from e2e.kept import Kept, keeping
from hosts.host import Host

pytestmark = [pytest.mark.timeout(420), pytest.mark.host]


@pytest.fixture(scope="module")
def kept(host: Host) -> Iterator[Kept]:
    """A provisioned host of its own."""
    with keeping(lambda root: HostPlace(root, host)) as found:
        yield found
