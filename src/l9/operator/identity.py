"""Who types the commands."""

from __future__ import annotations

import getpass
import os
import socket


def whoami() -> str:
    """Who asks, for the record: user@machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
