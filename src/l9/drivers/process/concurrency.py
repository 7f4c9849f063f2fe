"""Several looks at once: each waits for another program, and they have nothing to do with each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence


def run_concurrently(looks: Sequence[Callable[[], None]]) -> None:
    """Take all looks side by side, and return when the last one is done. Raises what the first to fail raised."""
    failed: list[Exception] = []

    def take(look: Callable[[], None]) -> None:
        try:
            look()
        except Exception as error:  # a thread would print it, and its look would merely be missing
            failed.append(error)

    others = [threading.Thread(target=take, args=(look,), daemon=True) for look in looks[1:]]
    for thread in others:
        thread.start()
    for look in looks[:1]:
        take(look)
    for thread in others:
        thread.join()
    if failed:
        raise failed[0]
