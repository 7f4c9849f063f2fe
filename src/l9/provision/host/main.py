"""The entry point on the host: look and apply, and their parts that run as root."""

from __future__ import annotations

import os
import traceback
from typing import Any

from l9.provision.host.apply import apply, validate
from l9.provision.host.look import entries, look
from l9.provision.host.talk import say


def main(data: dict[str, Any]) -> int:
    """Run the mode `data["mode"]`; return the exit code. An unexpected exception is reported as a bug."""
    os.umask(0o022)
    try:
        if data["mode"] == "look":
            say(type="seen", seen=look(data))
            return 0
        if data["mode"] == "entries":
            say(type="entries", entries=entries(data["look"]["paths"], data["look"]["unlinked"]))
            return 0
        return validate(data) if data["mode"] == "validate" else apply(data)
    except Exception:
        say(type="bug", traceback=traceback.format_exc())
        return 1
