"""Implements `SecretStore` with any program: its output is the value."""

from __future__ import annotations

from pathlib import Path

from l9.checks.environment.env_file import Secret
from l9.drivers.secrets.commands import program
from l9.drivers.secrets.program import ask


class Command:
    """Runs `cmd:PROGRAM ARGUMENT …` at the working copy's top, without a shell; a final line end is removed."""

    def __init__(self, cwd: Path) -> None:
        self._cwd = cwd

    def read(self, reference: str) -> Secret:
        printed = ask(program(reference), self._cwd, tells_why=False).reveal()
        return Secret(printed.removesuffix("\n").removesuffix("\r"))
