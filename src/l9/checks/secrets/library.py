"""The detect-secrets library, imported by one thread at a time.

Its modules import each other in a circle, which two looks that begin side by side do not survive.
"""

from __future__ import annotations

import threading

_LOCK = threading.Lock()


def load() -> None:
    """Import all that is used of it; to be called before any of it is imported."""
    with _LOCK:
        import detect_secrets.core.plugins.util
        import detect_secrets.core.scan
        import detect_secrets.filters.heuristic
        import detect_secrets.settings  # noqa: F401
