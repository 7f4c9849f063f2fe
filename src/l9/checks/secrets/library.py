"""The detect-secrets library, imported by one thread at a time.

Its modules import each other in a cycle: two threads that import it at the same time fail.
"""

from __future__ import annotations

import threading

_LOCK = threading.Lock()


def load() -> None:
    """Import all modules that l9 uses. Must be called before any other import of the library."""
    with _LOCK:
        import detect_secrets.core.plugins.util
        import detect_secrets.core.scan
        import detect_secrets.filters.heuristic
        import detect_secrets.settings  # noqa: F401
