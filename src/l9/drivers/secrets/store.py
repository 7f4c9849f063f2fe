"""The port to a secret store: one reference in, one value out."""

from __future__ import annotations

from typing import Protocol

from l9.checks.environment.env_file import Secret


class SecretStore(Protocol):
    """A store for values that no file of the release may contain."""

    def read(self, reference: str) -> Secret:
        """Return the value of one reference. Raises `l9.errors.ActionError`, which never contains a value."""
        ...
