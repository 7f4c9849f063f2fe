"""Fixtures for tests on hosts of their own; import them into the conftest.py of a folder that wants them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosts.host import Host
from hosts.images import Image, postgres_image, python_image
from hosts.network import Network

REPOSITORY = Path(__file__).parents[2]
PACKAGES = REPOSITORY / "tools" / "test_host_packages.py"
BACKEND_REQUIREMENTS = REPOSITORY / "examples" / "l9-backend" / "requirements.txt"


def why_not() -> str | None:
    """Return what this machine lacks for hosts of their own and the command that mends it, or None."""
    if os.geteuid() != 0:
        return "needs root: run `sudo make test`"
    check = subprocess.run(
        (sys.executable, str(PACKAGES), "--check"), check=False, capture_output=True, text=True
    )
    if check.returncode:
        lacks = (check.stdout + check.stderr).strip()
        return f"{lacks}: run `{PACKAGES.relative_to(REPOSITORY)}`"
    namespaces = ("unshare", "--mount", "--net", "--pid", "--fork", "true")
    if subprocess.run(namespaces, check=False, capture_output=True).returncode:
        return "may not make namespaces here: run `make test` on a machine or VM, not in a plain container"
    return None


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """A bridge between the laptop (this process) and all hosts of this test run."""
    reason = why_not()
    if reason and os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"in CI nothing is skipped: {reason}", pytrace=False)
    if reason:
        pytest.skip(reason)
    with Network() as found:
        yield found


@pytest.fixture(scope="session")
def base_images(network: Network) -> tuple[Image, ...]:
    """Python with the reference backend's wheels, and PostgreSQL."""
    requirements = [BACKEND_REQUIREMENTS] if BACKEND_REQUIREMENTS.exists() else []
    return python_image(requirements), postgres_image()


@pytest.fixture(scope="session")
def host(network: Network, base_images: tuple[Image, ...]) -> Iterator[Host]:
    """A host with Docker, both images and Caddy, for the whole session."""
    with Host(network, images=base_images, caddy=True) as found:
        yield found
