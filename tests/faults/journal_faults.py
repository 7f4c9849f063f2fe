"""Faults of the journal's file."""

from __future__ import annotations

from faults.fault import Fault
from faults.fault_place import FaultPlace


def _tear(place: FaultPlace) -> None:
    with place.journal().open("ab") as file:
        file.write(b'{"seq":' + b"7" * 700)


def _spoil(place: FaultPlace) -> None:
    with place.journal().open("ab") as file:
        file.write(b'{"seq": 7, "at"\n')


def _cut(place: FaultPlace) -> None:
    lines = place.journal().read_bytes().splitlines(keepends=True)
    with place.journal().open("r+b") as file:
        file.truncate(sum(map(len, lines[:-3])))


def _empty(place: FaultPlace) -> None:
    place.journal().write_bytes(b"")


FAULTS = (
    Fault("journal-torn", "the journal's last line torn", _tear, names=("journal",)),
    Fault("journal-spoiled", "a last line that is no entry", _spoil, names=("journal",)),
    Fault("journal-cut", "the journal's last three entries cut", _cut, names=("journal",)),
    Fault("journal-emptied", "the journal emptied", _empty, names=("journal", "record")),
)
