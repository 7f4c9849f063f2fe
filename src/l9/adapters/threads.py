"""Several looks at once: each waits for another program, and they have nothing to do with each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence


def at_once(looks: Sequence[Callable[[], None]]) -> None:
    """Take all looks side by side, and return when the last one is done. They raise nothing."""
    others = [threading.Thread(target=look, daemon=True) for look in looks[1:]]
    for thread in others:
        thread.start()
    for look in looks[:1]:
        look()
    for thread in others:
        thread.join()
