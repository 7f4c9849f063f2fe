"""The messages of the program on the host: JSON Lines with a mark that tells them from login messages."""

from __future__ import annotations

import json
import sys
from typing import Any

MARK = "l9-provision:"


class Refused(Exception):
    """A step that failed. `found` is the observed state or error; `log` the lines that explain it."""

    def __init__(self, message: str, found: str = "", log: tuple[str, ...] = (), remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.found = found
        self.log = log
        self.remedy = remedy


def say(**message: Any) -> None:
    """Send one message."""
    sys.stdout.write(MARK + json.dumps(message) + "\n")
    sys.stdout.flush()


def parse_message(line: str) -> dict[str, Any] | None:
    """Parse the message in a line; None if the line has no mark."""
    return dict(json.loads(line[len(MARK) :])) if line.startswith(MARK) else None
