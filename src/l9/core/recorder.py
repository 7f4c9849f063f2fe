"""The recorder: the only writer of journal entries on each side, with a hook for alerts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from l9.core import events as ev
from l9.errors import named

Append = Callable[[str, ev.AnyEvent], ev.Entry]
AfterEntry = Callable[[ev.Entry], None]


def ignore(_what: object) -> None:
    """The default hook: does nothing."""


class Journal(Protocol):
    """The part of a journal that the recorder needs."""

    def append(self, run: str, event: ev.AnyEvent, *, claim: bool = False) -> ev.Entry: ...


class Recorder:
    """Appends to one journal, and calls `after_entry` with each entry after it is on disk.

    A failure of the hook does not stop the run: it is passed to `say` as a line of text.
    """

    def __init__(
        self, journal: Journal, after_entry: AfterEntry = ignore, say: Callable[[str], None] = ignore
    ) -> None:
        self._journal = journal
        self._after_entry = after_entry
        self._say = say

    def __call__(self, run: str, event: ev.AnyEvent, *, claim: bool = False) -> ev.Entry:
        """Write one entry of a run; `claim` as in `Entry`."""
        entry = self._journal.append(run, event, claim=claim)
        try:
            self._after_entry(entry)
        except Exception as error:
            self._say(f"the journal's hook failed on entry {entry.seq}: {named(error)}")
        return entry
