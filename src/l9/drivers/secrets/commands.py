"""What the programs of secret stores are asked, and what they answer. Values are only ever in what they print."""

from __future__ import annotations

import json
import shlex
from typing import Any, NamedTuple

from l9.checks.environment.env_file import parse_env

Argv = tuple[str, ...]
_FORMATS = {"env": "dotenv", "yaml": "yaml", "yml": "yaml", "json": "json", "ini": "ini"}


class SopsFile(NamedTuple):
    """A file that sops encrypted, and which of its keys is meant; empty for the whole file."""

    path: str
    key: str

    @property
    def format(self) -> str:
        """What sops calls the file's form; `binary` for the whole of one that has no keys."""
        return _FORMATS.get(self.path.rsplit(".", 1)[-1], "binary") if self.key else "binary"


def op_read(reference: str) -> Argv:
    """1Password's own program, for `op://VAULT/ITEM/FIELD`."""
    return ("op", "read", "--no-newline", "--", reference)


def vault_read(reference: str) -> Argv:
    """HashiCorp Vault's own program, for `vault://PATH#FIELD`."""
    path, _, field = reference.removeprefix("vault://").partition("#")
    return ("vault", "kv", "get", f"-field={field}", "--", path)


def program(reference: str) -> Argv:
    """The argument vector that follows `cmd:`. Raises ValueError for a quotation mark that is not closed."""
    return tuple(shlex.split(reference.removeprefix("cmd:")))


def sops_file(reference: str) -> SopsFile:
    """The file and the key of `sops:FILE#KEY`."""
    path, _, key = reference.removeprefix("sops:").partition("#")
    return SopsFile(path, key)


def sops_decrypt(file: SopsFile) -> Argv:
    """Decrypt what is given on standard input; keys that nest are printed as JSON."""
    printed = file.format if file.format in ("dotenv", "binary") else "json"
    return ("sops", "decrypt", "--input-type", file.format, "--output-type", printed, "/dev/stdin")


def parse_sops(file: SopsFile, out: str) -> str | None:
    """The value of the key in what `sops_decrypt` printed; None where there is no such key, or no plain value."""
    if file.format == "binary":
        return out
    if file.format == "dotenv":
        return next((e.value.reveal() for e in parse_env(out).entries if e.key == file.key), None)
    found: Any = json.loads(out)
    if isinstance(found, dict) and file.key in found:
        return _plain(found[file.key])
    for part in file.key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return _plain(found)


def _plain(value: Any) -> str | None:
    """A value as an environment file has it; a number and a truth value as JSON writes them."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else None
