"""Bugs that are put into the host's l9 on purpose: each must turn a cell red, else the matrix sees nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faults.fault_place import FaultPlace
from faults.moments import Act, Moment
from l9.core.states import State


@dataclass(frozen=True)
class Seed:
    """A bug: in a module, `good` becomes `bad`. The cell in which it must show."""

    name: str
    module: str
    good: str
    bad: str
    fault: str
    moment: Moment


SEEDS = (
    Seed(
        "a slot is paused while users are on it",
        "checks/host/action_invariants.py",
        "    if slot in (active, answer.slot):\n",
        '    return Pass("nobody asked")\n    if slot in (active, answer.slot):\n',
        "flag-flipped",
        Moment(Act.DEPLOY, State.SHUTDOWN),
    ),
    Seed(
        "the way back leaves the record as it was",
        "core/decide.py",
        "    before = (run.previous, run.old)\n",
        "    before = (run.tag, run.new)\n",
        "env-gone",
        Moment(Act.BAD_DEPLOY, State.ROLLBACK),
    ),
    Seed(
        "a run that went back exits 0",
        "core/decide.py",
        "        exit_code=outcome.exit_code,\n",
        "        exit_code=0,\n",
        "env-gone",
        Moment(Act.BAD_DEPLOY, State.ROLLBACK),
    ),
    Seed(
        "an interrupted run is never taken up",
        "host/session.py",
        "            return None\n        self.refuse_outdated()\n",
        "            return None\n        return None\n",
        "worker-killed",
        Moment(Act.DEPLOY, State.PROOF),
    ),
)


@contextmanager
def planted(place: FaultPlace, seed: Seed) -> Iterator[None]:
    """Put the bug into the host's l9 while the block runs. Raises ValueError if its place is not there any more."""
    (file,) = place.host.path("/usr/lib/l9/l9-api").glob(f"*/lib/python3*/site-packages/l9/{seed.module}")
    text = file.read_text(encoding="utf-8")
    if text.count(seed.good) != 1:
        raise ValueError(f"{seed.name}: {seed.module} does not hold its text once")
    try:
        _write(file, text.replace(seed.good, seed.bad))
        yield
    finally:
        _write(file, text)


def _write(file: Path, text: str) -> None:
    """Write a module, without the bytecode that was made of it: it is not compared with its source."""
    for kept in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
        kept.unlink()
    file.write_text(text, encoding="utf-8")
