"""The hook of a journal gets every entry, and its failures go no further."""

from __future__ import annotations

import pytest

from l9.core import events as ev
from l9.core.recorder import Recorder
from l9.core.states import State
from world.cuts import Crash
from world.journal import MemoryJournal

EVENT = ev.GateEntered(gate=State.BAKE)


def test_the_hook_gets_each_entry_once_it_is_written() -> None:
    journal, heard = MemoryJournal(lambda: 1.0), []
    record = Recorder(journal, lambda entry: heard.append((entry, [*journal.entries()][-1])))
    written = [record("run-1", EVENT), record("run-1", EVENT)]
    assert heard == [(entry, entry) for entry in written]
    assert [*journal.entries()] == written


def test_without_a_hook_the_entry_is_written() -> None:
    journal = MemoryJournal(lambda: 1.0)
    assert Recorder(journal)("run-1", EVENT) == next(journal.entries())


def test_a_failure_of_the_hook_is_said_and_goes_no_further() -> None:
    journal, said = MemoryJournal(lambda: 1.0), []

    def fails(_entry: ev.Entry) -> None:
        raise OSError("no route to the alert")

    record = Recorder(journal, fails, said.append)
    assert record("run-1", EVENT) == next(journal.entries())
    assert said == ["the journal's hook failed on entry 1: OSError('no route to the alert')"]
    assert Recorder(journal, fails)("run-1", EVENT).seq == 2


def test_a_kill_in_the_hook_is_a_kill() -> None:
    def killed(_entry: ev.Entry) -> None:
        raise Crash("here")

    with pytest.raises(Crash):
        Recorder(MemoryJournal(lambda: 1.0), killed)("run-1", EVENT)


def test_a_claim_is_written_as_one() -> None:
    journal = MemoryJournal(lambda: 1.0)
    record = Recorder(journal)
    assert (record("run-1", EVENT).claim, record("run-1", EVENT, claim=True).claim) == (False, True)
