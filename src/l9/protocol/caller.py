"""What a request says of its caller: who asks, for which tag, and the name of the run that is to begin."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import time

from l9.checks.git.versions import TagFormat, check_tag_name
from l9.config.model import Config
from l9.errors import UsageError


def whoami() -> str:
    """Who asks, for the record: user@machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def new_run_id(at: float) -> str:
    """A name for a run that sorts by time and is no one else's."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at)) + "-" + secrets.token_hex(2)


def check_name(tag: str, config: Config) -> None:
    """Raises UsageError for what may not be, or is not, a release's name; nothing has touched it before."""
    if reason := check_tag_name(tag):
        raise UsageError(
            "this tag is refused",
            expected=f"a tag like {config.release.tag}",
            found=f"{tag!r}: {reason}",
            remedy="git tag --list",
        )
    if TagFormat(config.release.tag).parse(tag) is None:
        raise UsageError(
            f"{tag} is no release",
            expected=f"a tag like {config.release.tag}",
            found=tag,
            remedy="git tag --list",
        )
