"""Implements `SecretStore` with sops, on encrypted files of the release."""

from __future__ import annotations

import shlex
from pathlib import Path

from l9.checks.environment.env_file import Secret
from l9.drivers.secrets.commands import parse_sops, sops_decrypt, sops_file
from l9.drivers.secrets.program import Read, ask, refusal


class Sops:
    """Reads `sops:FILE#KEY`, or all of `sops:FILE`, with the keys that sops finds. `files` reads the tree."""

    def __init__(self, cwd: Path, files: Read) -> None:
        self._cwd = cwd
        self._files = files

    def read(self, reference: str) -> Secret:
        file = sops_file(reference)
        data = self._files(file.path)
        if data is None:
            raise refusal(
                "sops",
                f"no {file.path} in the release",
                shlex.join(("git", "add", "--force", "--", file.path)),
            )
        printed = ask(sops_decrypt(file), self._cwd, data=data)
        value = parse_sops(file, printed.reveal())
        remedy = shlex.join(("sops", "edit", file.path))
        if value is None:
            raise refusal("sops", f"no value {file.key} in {file.path}", remedy)
        if not (secret := Secret(value)).is_text():  # JSON can contain text that an env file cannot
            raise refusal("sops", f"{file.key} in {file.path} is not text", remedy)
        return secret
