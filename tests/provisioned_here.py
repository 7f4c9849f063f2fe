"""Provisions a target of this machine in its own directory, as `l9 provision` does without root."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from l9.config.model import Config
from l9.config.provisioned import in_directory
from l9.provision.wanted import want


def provision_here(config: Config, signers: str | None = None) -> None:
    files = in_directory(Path(config.target.path))
    files.settings.parent.mkdir(parents=True, exist_ok=True)
    wanted = replace(want(config, signers=signers), by_root=False)
    files.settings.write_text(wanted.settings_text, encoding="utf-8")
    if signers is not None:
        files.allowed_signers.write_text(signers, encoding="utf-8")
