"""The cells of a run of the matrix: all of them, or one of each phase."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from faults import (
    container_faults,
    file_faults,
    journal_faults,
    other_people_faults,
    process_faults,
    release_faults,
    router_faults,
)
from faults.fault import Fault
from faults.moments import Act, Column, Moment, moments

FAULTS: tuple[Fault, ...] = (
    *process_faults.FAULTS,
    *router_faults.FAULTS,
    *container_faults.FAULTS,
    *file_faults.FAULTS,
    *journal_faults.FAULTS,
    *other_people_faults.FAULTS,
    *release_faults.FAULTS,
)
ITS_DEPLOY = Moment(Act.RELEASE)


def shard_of(fault: Fault, shards: int) -> int:
    """The part of the matrix (from 0) that a fault is in: that of its control."""
    first = fault.control or fault.name
    return [one.name for one in FAULTS].index(first) % shards


def every() -> Iterator[tuple[Fault, Moment]]:
    """Yield every fault at every moment; a fault's control comes first."""
    for fault in FAULTS:
        for moment in (ITS_DEPLOY,) if fault.code else moments():
            yield fault, moment


def by_phase() -> Iterator[tuple[Fault, Moment]]:
    """Yield each fault at one moment of each phase. The moments of a phase take turns, so that all are visited."""
    turns = {column: cycle(found) for column, found in _by_column().items()}
    sizes = {column: len(found) for column, found in _by_column().items()}
    for fault in FAULTS:
        if fault.code:
            yield fault, ITS_DEPLOY
            continue
        for column in Column:
            chosen = next(turns[column])
            for _ in range(sizes[column] - 1):
                if not fault.not_applicable(chosen):
                    break
                chosen = next(turns[column])
            yield fault, chosen


def _by_column() -> dict[Column, list[Moment]]:
    found: dict[Column, list[Moment]] = {column: [] for column in Column}
    for moment in moments():
        found[moment.column].append(moment)
    return found
