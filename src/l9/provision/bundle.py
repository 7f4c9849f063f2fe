"""Packs the agent as wheels: l9's own, from its installed files, and the packages that it needs.

A server gets only the modules that it uses. The operator's part, the demo, this package and their dependencies stay
on the operator's machine.
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

NEEDS = ("click", "google-re2", "msgspec")
_WHOLE = ("*",)
# The packages that a server gets, whole or by module: those that the agent, the timer and the server's commands in
# `cli/commands.py` import. A test compares this with the imports.
PARTS: dict[str, tuple[str, ...]] = {
    ".": ("__init__", "__main__", "catalogue", "configuration", "criteria", "errors", "graph"),
    "core": _WHOLE,
    "config": _WHOLE,
    "host": _WHOLE,
    "protocol": ("caller", "client", "connection", "messages", "requests"),
    "protocol/answers": ("answer", "check", "environment", "error", "plan", "run_lines", "runs", "status"),
    "checks": ("context",),
    "checks/api": _WHOLE,
    "checks/compose": ("facts", "invariants", "production", "services", "variables"),
    "checks/dependencies": ("facts", "locks"),
    "checks/dockerfile": ("dockerfile", "facts", "invariants"),
    "checks/environment": ("env_file", "facts", "invariants", "patterns", "ports", "reads", "resolved", "schema"),
    "checks/git": (
        "branch_invariants", "facts", "invariants", "messages", "protection", "setup_invariants", "versions",
        "workspace_invariants",
    ),
    "checks/host": _WHOLE,
    "checks/logs": _WHOLE,
    "checks/pipeline": _WHOLE,
    "checks/secrets": ("facts",),
    "drivers": (),
    "drivers/caddy": _WHOLE,
    "drivers/compose": ("names", "project_document", "slot_document"),
    "drivers/docker": _WHOLE,
    "drivers/files": _WHOLE,
    "drivers/git": ("commands", "environment", "notes_commands", "runner", "source", "tags", "tree"),
    "drivers/git/objects": _WHOLE,
    "drivers/http": _WHOLE,
    "drivers/process": _WHOLE,
    "drivers/signing": ("ssh_key_commands", "ssh_keys"),
    "drivers/ssh": _WHOLE,
    "cli": ("command_line", "commands", "context", "errors", "main", "plain_text"),
    "cli/render": ("facts", "github", "json_lines", "narrator", "plain", "rows", "sections", "view"),
    "cli/server": ("agent", "drift", "explain", "history", "logs", "outcome", "resume", "rollback", "status"),
}  # fmt: skip
_LAYOUT = 1  # raised when `host/agent.py` changes the layout of an installed agent


@cache
def sources() -> dict[str, bytes]:
    """Read the server's part of the package: names in the wheel to contents, sorted. Read once a process."""
    top, found = Path(l9.__file__).parent, {}
    for folder, names in PARTS.items():
        for file in sorted((top / folder).glob("*.py")):
            if names == _WHOLE or file.stem in (*names, "__init__"):
                found[f"l9/{file.relative_to(top).as_posix()}"] = file.read_bytes()
    return dict(sorted(found.items()))


def agent_version(python: Python) -> AgentVersion:
    """Return the version of the agent for a host's Python, without packing it.

    The digest covers contents, not zip files: two operators with the same l9 get the same version.
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
    """Pack l9's agent as a reproducible wheel; return its file name and content."""
    info = f"l9-{__version__}.dist-info"
    files = {
        **sources(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: l9\nVersion: {__version__}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: l9\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    return f"l9-{__version__}-py3-none-any.whl", pack(files, f"{info}/RECORD")


def pack(files: dict[str, bytes], record: str) -> bytes:
    """Pack these files as a wheel; `record` is the name of its RECORD file."""
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
