"""Writes a first Dockerfile for a Python application that has none (spec 2.3, 4.1)."""

from __future__ import annotations

import json
import re

from l9.checks.dependencies.locks import read_requirements
from l9.operator.scaffold.python_app import App
from l9.operator.scaffold.snapshot import RepoSnapshot

# The reference backend's own base image. Docker uses the digest and ignores the tag.
BASE = "python:3.12.14-slim-trixie@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea"
_OTHER_PYTHON = re.compile(
    r"requires-python\s*=\s*\"[^\"]*(?:>=?\s*3\.(?:1[3-9]|[2-9]\d)|<=?\s*3\.(?:\d|1[0-2])\b)"
)
LEFT_OUT = ".git\n.env*\n!.env.example\n.venv\n**/__pycache__\n"  # files that no image needs
PORT = 8000


def text(snapshot: RepoSnapshot, app: App, health: str) -> str:
    """Return the Dockerfile; empty if it would not run: the server is not required, uv.lock, or another Python.

    health: the path of the healthcheck, empty for none.
    """
    declared = snapshot.texts.get("requirements.txt", "") or snapshot.texts.get("requirements.in", "")
    project = snapshot.texts.get("pyproject.toml", "")
    if "uv.lock" in snapshot.paths or not re.search(rf"\b{app.server}\b|fastapi\[", declared or project):
        return ""
    if _OTHER_PYTHON.search(project):
        return ""
    hashed = read_requirements(declared).hashed or "requirements.txt" not in snapshot.paths
    ask = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{PORT}{health}', timeout=5)"
    lines = [
        "# Written by l9 init, following the specification (4.1). To update the base image:",
        "#   docker buildx imagetools inspect python:3.12-slim",
        f"FROM {BASE}",
        "",
        "ENV PYTHONDONTWRITEBYTECODE=1 \\",
        "    PYTHONUNBUFFERED=1",
        "WORKDIR /app",
        "",
        "COPY requirements.txt ./",
        f"RUN pip install --no-cache-dir {'--require-hashes ' if hashed else ''}-r requirements.txt",
        "COPY . .",
        "",
        "USER 10001:10001",
        f"EXPOSE {PORT}",
    ]
    if health:
        lines += [
            "HEALTHCHECK --interval=30s --timeout=10s --retries=3 --start-period=30s \\",
            f"    CMD {json.dumps(['python', '-c', ask])}",
        ]
    lines.append(f"CMD {json.dumps(app.command('', '0.0.0.0', str(PORT)))}")  # noqa: S104  # inside a container
    return "\n".join(lines) + "\n"
