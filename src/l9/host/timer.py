"""What the host's timer calls: no operator, no link; the target's configuration lies on the host."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from l9 import __version__
from l9.config.layout import Layout
from l9.config.model import Config
from l9.drivers.files.host_files import DeployedFiles
from l9.errors import ConfigError, L9Error, Locked
from l9.graph import GRAPH
from l9.host import queries as looks
from l9.host.agent import host_runs
from l9.host.session import HostSession
from l9.protocol.messages import Request, Result

DRIFT = 7  # the exit code for drift found
WHO = "timer"


def main(argv: Sequence[str]) -> int:
    """`tick --path PATH` or `drift --path PATH`: one JSON line on standard output.

    Exit codes: 0, 7 for drift found, else the error's own; the error is also on standard error.
    """
    os.umask(0o022)
    command, path = argv[0], Path(argv[2] if len(argv) > 2 else "")
    try:
        runs = _runs(path)
        data = answer(command, runs)
        if command == "drift":
            DeployedFiles(runs.layout).note_drift_check(runs.ports.clock.now(), len(data["drift"]))
    except Locked:
        data = {"busy": True}  # a run began meanwhile, and is its own recovery
    except L9Error as error:
        _say(error.envelope())
        sys.stderr.write(f"l9 {command}: {error.message}; expected {error.expected}, found {error.found}\n")
        return error.exit_code
    _say({"schema": f"l9.{command}/1", **data})
    return DRIFT if data.get("drift") else 0


def answer(command: str, runs: HostSession) -> dict[str, Any]:
    """The command's result. Raises what the agent raises for it."""
    request = Request(command=command, version=__version__, graph=GRAPH.digest, config={}, who=WHO)
    data: dict[str, Any] = {}
    for message in looks.answer(request, runs):
        if isinstance(message, Result):
            data = message.data
    return data


def _runs(path: Path) -> HostSession:
    layout = Layout(path)
    file = layout.settings
    try:
        config = msgspec.json.decode(file.read_bytes(), type=Config)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(
            f"no configuration for {path}",
            expected=f"{file} of this version",
            found=str(error),
            remedy="l9 provision",
        ) from None
    runs = host_runs(config, layout, WHO)
    last = runs.last()
    if last is None or not last.settings.get("config"):
        return runs
    try:  # what is live was put there with this one
        return host_runs(msgspec.convert(last.settings["config"], Config), layout, WHO)
    except msgspec.ValidationError:
        return runs


def _say(document: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    sys.stdout.flush()
