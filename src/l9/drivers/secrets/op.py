"""Implements `SecretStore` with 1Password's CLI, `op`."""

from __future__ import annotations

from pathlib import Path

from l9.checks.environment.env_file import Secret
from l9.drivers.secrets.commands import op_read
from l9.drivers.secrets.program import ask


class OnePassword:
    """Reads `op://VAULT/ITEM/FIELD` with the current sign-in or service account."""

    def __init__(self, cwd: Path) -> None:
        self._cwd = cwd

    def read(self, reference: str) -> Secret:
        return ask(op_read(reference), self._cwd)
