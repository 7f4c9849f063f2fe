"""Run independent observations concurrently; each mostly waits for another program."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence


def run_concurrently(looks: Sequence[Callable[[], None]]) -> None:
    """Run all concurrently, and return when the last one is done. Raises the first one's error."""
    failed: list[Exception] = []

    def take(look: Callable[[], None]) -> None:
        try:
            look()
        except Exception as error:  # a thread would only print it
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
