"""How the host's side speaks: JSON Lines with a mark, so that a login message is never taken for an answer."""

from __future__ import annotations

import json
import sys
from typing import Any

MARK = "l9-provision:"


class Refused(Exception):
    """A step that cannot be done. `found` is what was there; `log` the lines that explain it."""

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


def heard(line: str) -> dict[str, Any] | None:
    """The message in a line, or None where it is none of ours."""
    return dict(json.loads(line[len(MARK) :])) if line.startswith(MARK) else None
