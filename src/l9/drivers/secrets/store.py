"""The port to a secret store: one reference in, one value out."""

from __future__ import annotations

from typing import Protocol

from l9.checks.environment.env_file import Secret


class SecretStore(Protocol):
    """Where values are kept that no file of the release may hold."""

    def read(self, reference: str) -> Secret:
        """The value of one reference. Raises `l9.errors.ActionError`, which never holds a value."""
        ...
