"""SSH keys for tests: real ones, made by ssh-keygen."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_key(path: Path, *, passphrase: str = "", kind: str = "ed25519") -> Path:
    """A key pair at `path` and `path`.pub."""
    argv = ("ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", path.name, "-f", str(path))
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return path


def allow(file: Path, *people: tuple[str, Path], options: str = "") -> Path:
    """An allowed signers file: a name and a key each."""
    lines = (f"{name} {options}{Path(f'{key}.pub').read_text(encoding='ascii')}" for name, key in people)
    file.write_text("".join(lines), encoding="utf-8")
    return file
