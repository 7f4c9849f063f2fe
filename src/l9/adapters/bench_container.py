"""The bench of the release's own image (to be written)."""

from __future__ import annotations

from pathlib import Path

from l9.adapters.bench_process import ProcessBench
from l9.config.model import Config
from l9.errors import ActionError


class ContainerBench(ProcessBench):
    """Refuses until it is there."""

    def __init__(self, config: Config, top: Path, folder: Path, evidence: Path, key: str) -> None:
        super().__init__(config, top, folder, evidence)
        raise ActionError(
            "stages cannot run in a container yet",
            expected='[cgmp] where = "process"',
            found=key[:12],
            remedy="$EDITOR l9.toml",
        )


def image_now(config: Config, key: str) -> str | None:
    """No image is looked for."""
    return None
