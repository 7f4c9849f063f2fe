"""A request's caller: the user, the tag, and the id of the new run."""

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
    """Return the caller for the journal: user@machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def new_run_id(at: float) -> str:
    """Return a unique id for a run that sorts by time."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at)) + "-" + secrets.token_hex(2)


def check_name(tag: str, config: Config) -> None:
    """Raise UsageError for an unsafe tag name, or one that is not a release's. Call it before any other use."""
    if reason := check_tag_name(tag):
        raise UsageError(
            "invalid tag name",
            expected=f"a tag like {config.release.tag}",
            found=f"{tag!r}: {reason}",
            remedy="git tag --list",
        )
    if TagFormat(config.release.tag).parse(tag) is None:
        raise UsageError(
            f"{tag} is not a release tag",
            expected=f"a tag like {config.release.tag}",
            found=tag,
            remedy="git tag --list",
        )
