"""Writes a first `.env.example`: every variable that the release reads, without values."""

from __future__ import annotations

import re

from l9.operator.scaffold.snapshot import RepoSnapshot

_SECRET = re.compile(
    r"(?:^|_)(?:KEY|SECRET|TOKEN|PASS|PASSWORD|PASSWD|PWD|CREDENTIALS?|PRIVATE|SALT|DSN)(?:_|$)"
)
_ADDRESS = re.compile(r"(?:^|_)(?:DSN|UR[IL])(?:_|$)")

HEAD = """\
# Every variable that a release reads. Copy to .env on the server and fill in the values; never commit .env.
# A deploy compares the keys: every key here is required in .env, unless the comment above it says optional.
"""


def text(snapshot: RepoSnapshot) -> str:
    """Return the text of the file; empty if no variable is read."""
    needed = {r.names[0]: r.where for r in snapshot.reads if not r.default}
    other = {r.names[0]: r.where for r in snapshot.reads if r.default and r.names[0] not in needed}
    parts = [
        f"\n# Read in {where}.{_marks(name)}\n{name}={placeholder(name)}\n" for name, where in needed.items()
    ]
    parts += [f"\n# Optional: read in {where}, with a default.\n# {name}=\n" for name, where in other.items()]
    return HEAD + "".join(parts) if parts else ""


def _marks(name: str) -> str:
    return "\n# secret" if _SECRET.search(name) else ""


def placeholder(name: str) -> str:
    """Return the placeholder for a value: YOUR_NAME_HERE for a secret or an address, else empty."""
    if _ADDRESS.search(name):
        return f"YOUR_{name}_HERE"
    return f"YOUR_{name}_HERE" if _SECRET.search(name) else ""
