"""Implements `SecretStore` over HashiCorp Vault's own program, `vault`."""

from __future__ import annotations

from pathlib import Path

from l9.adapters.secret_program import ask
from l9.commands.secret_stores import vault_read
from l9.core.env import Secret


class Vault:
    """Reads `vault://PATH#FIELD` with the address and the token that the program itself finds."""

    def __init__(self, cwd: Path) -> None:
        self._cwd = cwd

    def read(self, reference: str) -> Secret:
        return Secret(ask(vault_read(reference), self._cwd).reveal().removesuffix("\n"))
