"""The detect-secrets library, imported by one thread at a time.

Its modules import each other in a circle, which two looks that begin side by side do not survive.
"""

from __future__ import annotations

import threading

_LOCK = threading.Lock()


def load() -> None:
    """Import everything of it that l9 uses; must be called before any other import of it."""
    with _LOCK:
        import detect_secrets.core.plugins.util
        import detect_secrets.core.scan
        import detect_secrets.filters.heuristic
        import detect_secrets.settings  # noqa: F401
