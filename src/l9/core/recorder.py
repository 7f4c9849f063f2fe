"""Appends to a journal: the one place on each side where entries are written, with a hook for alerts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from l9.core import events as ev
from l9.errors import named

Append = Callable[[str, ev.AnyEvent], ev.Entry]
AfterEntry = Callable[[ev.Entry], None]


def ignore(_what: object) -> None:
    """No hook is set."""


class Journal(Protocol):
    """The part of a journal that is written."""

    def append(self, run: str, event: ev.AnyEvent, *, claim: bool = False) -> ev.Entry: ...


class Recorder:
    """Appends to one journal, and calls `after_entry` with each entry once it is on disk.

    A failure of the hook never reaches the run: `say` gets it as a line of text.
    """

    def __init__(
        self, journal: Journal, after_entry: AfterEntry = ignore, say: Callable[[str], None] = ignore
    ) -> None:
        self._journal = journal
        self._after_entry = after_entry
        self._say = say

    def __call__(self, run: str, event: ev.AnyEvent, *, claim: bool = False) -> ev.Entry:
        """Write one entry of a run; `claim` as for the journal."""
        entry = self._journal.append(run, event, claim=claim)
        try:
            self._after_entry(entry)
        except Exception as error:
            self._say(f"the hook of the journal failed on entry {entry.seq}: {named(error)}")
        return entry
