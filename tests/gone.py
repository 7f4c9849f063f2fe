"""A program that has ended before anything is written to it: what an ssh that is refused at once may be."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest


def ssh_ends_first(monkeypatch: pytest.MonkeyPatch, folder: Path, said: str) -> None:
    """`ssh` says so and exits with 255, and is waited for before its standard input is written to."""
    folder.mkdir()
    ssh = folder / "ssh"
    ssh.write_text(f"#!/bin/sh\necho {said!r} >&2\nexit 255\n", encoding="utf-8")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    start = subprocess.Popen

    def started(*args: Any, **how: Any) -> subprocess.Popen[bytes]:
        child = start(*args, **how)
        child.wait()
        return child

    monkeypatch.setattr(subprocess, "Popen", started)
