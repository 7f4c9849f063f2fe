"""A slot's log, judged incrementally as it grows."""

from __future__ import annotations

from collections.abc import Callable

from l9.core.facts import LogLine, LogsLost
from l9.core.ports import LogReader

# The limit of one read (well under a second), so that other observations are not delayed.
MOST_LINES = 20_000
MOST_CHARS = 4_000_000
SET_BACK = 1.0  # seconds; less is the clock's own correction


class FollowedLog:
    """A log and its judge. `read_at`: the time up to which it was read completely; 0 before that.

    `shift` returns how many seconds the machine's clock is ahead of a steady one.
    """

    def __init__(self, reader: LogReader, shift: Callable[[], float]) -> None:
        self._reader = reader
        self._shift, self._shift_before = shift, shift()
        from l9.checks.logs.logs import LogJudge  # its patterns take 5 ms, which no query needs

        self.judge = LogJudge()
        self.read_at = 0.0

    def forget(self) -> None:
        """Judge only what is logged from now on."""
        self.judge = type(self.judge)()

    def catch_up(self, now: float) -> None:
        """Read new lines, up to a limit; the next call continues."""
        self._note_clock()
        chars = 0
        for lines, line in enumerate(self._reader.read(), 1):
            self.judge.take(line)
            chars += len(line.text) if isinstance(line, LogLine) else 0
            if lines >= MOST_LINES or chars >= MOST_CHARS:
                return
        self.read_at = now

    def read_all(self) -> None:
        """Read all new lines."""
        self._note_clock()
        for line in self._reader.read():
            self.judge.take(line)

    def _note_clock(self) -> None:
        """A log is read by the times of its lines, so that lines are missed when the clock is set back."""
        if self._shift() < self._shift_before - SET_BACK:
            self.judge.take(LogsLost("the machine's clock was set back"))
