"""Implements `SecretStore` with HashiCorp Vault's CLI, `vault`."""

from __future__ import annotations

from pathlib import Path

from l9.checks.environment.env_file import Secret
from l9.drivers.secrets.commands import vault_read
from l9.drivers.secrets.program import ask


class Vault:
    """Reads `vault://PATH#FIELD` with the address and the token that the CLI finds."""

    def __init__(self, cwd: Path) -> None:
        self._cwd = cwd

    def read(self, reference: str) -> Secret:
        return Secret(ask(vault_read(reference), self._cwd).reveal().removesuffix("\n"))
