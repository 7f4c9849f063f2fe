"""Arguments and output parsers of secret stores' programs. Values are only ever in their output."""

from __future__ import annotations

import json
import shlex
from typing import Any, NamedTuple

from l9.checks.environment.env_file import parse_env

Argv = tuple[str, ...]
_FORMATS = {"env": "dotenv", "yaml": "yaml", "yml": "yaml", "json": "json", "ini": "ini"}


class SopsFile(NamedTuple):
    """A file encrypted by sops, and one of its keys; empty for the whole file."""

    path: str
    key: str

    @property
    def format(self) -> str:
        """The file's format in sops' terms; `binary` for a whole file without keys."""
        return _FORMATS.get(self.path.rsplit(".", 1)[-1], "binary") if self.key else "binary"


def op_read(reference: str) -> Argv:
    """Read `op://VAULT/ITEM/FIELD` with 1Password's CLI."""
    return ("op", "read", "--no-newline", "--", reference)


def vault_read(reference: str) -> Argv:
    """Read `vault://PATH#FIELD` with HashiCorp Vault's CLI."""
    path, _, field = reference.removeprefix("vault://").partition("#")
    return ("vault", "kv", "get", f"-field={field}", "--", path)


def program(reference: str) -> Argv:
    """Parse the argument vector after `cmd:`. Raises ValueError for an unclosed quotation mark."""
    return tuple(shlex.split(reference.removeprefix("cmd:")))


def sops_file(reference: str) -> SopsFile:
    """Parse the file and the key of `sops:FILE#KEY`."""
    path, _, key = reference.removeprefix("sops:").partition("#")
    return SopsFile(path, key)


def sops_decrypt(file: SopsFile) -> Argv:
    """Decrypt standard input; nested keys are printed as JSON."""
    printed = file.format if file.format in ("dotenv", "binary") else "json"
    return ("sops", "decrypt", "--input-type", file.format, "--output-type", printed, "/dev/stdin")


def parse_sops(file: SopsFile, out: str) -> str | None:
    """Return the key's value in `sops_decrypt`'s output, or None if it is missing or not a plain value."""
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
    """Return a value as text for an environment file; numbers and booleans as in JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else None
