"""The agent as wheels: l9 itself, packed from its installed files, and the one package that the agent needs.

What only an operator uses (the command line, the demo, this package) stays here, and with it click and rich.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from functools import cache
from importlib import metadata
from pathlib import Path

import l9
from l9 import __version__
from l9.provision.plan import AgentVersion
from l9.provision.snapshot import Python

NEEDS = ("msgspec",)
_LEFT_OUT = {"cli", "demo", "provision", "web", "__pycache__"}
_LAYOUT = 1  # raised when the way in which `host/agent.py` lays out an agent changes


@cache
def sources() -> dict[str, bytes]:
    """The agent's part of the package: names in the wheel to contents, sorted. Read once: one run, one agent."""
    top = Path(l9.__file__).parent
    found = {}
    for file in sorted(top.rglob("*.py")):
        inside = file.relative_to(top)
        if not _LEFT_OUT & set(inside.parts):
            found[f"l9/{inside.as_posix()}"] = file.read_bytes()
    return found


def agent_version(python: Python) -> AgentVersion:
    """What the agent for a host's Python is called; asks nobody and packs nothing.

    The digest is of contents, not of zip files: two operators with the same l9 name the same agent.
    """
    sums = hashlib.sha256()
    for part in (
        f"{_LAYOUT} {python.tag} {python.machine} {python.executable}",
        *(f"{name}=={metadata.version(name)}" for name in NEEDS),
        *(f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in sources().items()),
    ):
        sums.update(part.encode() + b"\0")
    return AgentVersion(sums.hexdigest()[:16], __version__, python.executable)


def own_wheel() -> tuple[str, bytes]:
    """l9's agent as a wheel, the same bytes for the same sources: file name and content."""
    info = f"l9-{__version__}.dist-info"
    files = {
        **sources(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: l9\nVersion: {__version__}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: l9\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    return f"l9-{__version__}-py3-none-any.whl", pack(files, f"{info}/RECORD")


def pack(files: dict[str, bytes], record: str) -> bytes:
    """A wheel's zip of these files; `record` is the name of the list of them that a wheel ends with."""
    lines = [f"{name},sha256={_urlsafe(data)},{len(data)}" for name, data in sorted(files.items())]
    text = "\n".join([*lines, f"{record},,", ""])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for name, data in (*sorted(files.items()), (record, text.encode())):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            wheel.writestr(entry, data)
    return out.getvalue()


def _urlsafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
