"""A selection of the matrix, one cell of each kind of fault; `make faults` runs all of it. And faults of our own
making, which must turn a cell red."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("e2e.place")

from e2e.kept import Kept, keeping
from faults import shard
from faults.fault_place import FaultPlace
from faults.moments import Act, Moment, moments
from faults.plan import FAULTS, by_phase, every
from faults.results import Result
from faults.seeds import SEEDS
from hosts.fixtures import base_images, host, network
from hosts.host import Host
from l9.core.states import State

__all__ = ["base_images", "host", "network"]
pytestmark = [pytest.mark.timeout(420), pytest.mark.host]
BY_NAME = {fault.name: fault for fault in FAULTS}
SELECTED = (
    ("worker-killed", Moment(Act.DEPLOY, State.ROUTE_TRAFFIC, acted=True)),
    ("flag-flipped", Moment(Act.DEPLOY, State.SHUTDOWN, acted=True)),
    ("journal-torn", Moment(Act.DEPLOY, State.BAKE)),
    ("env-gone", Moment(Act.BAD_DEPLOY, State.ROLLBACK)),
    ("second-rollback", Moment(Act.DEPLOY, State.IMAGES_READY)),
    ("new-slot-stopped", Moment(Act.DEPLOY, State.GREEN_HEALTHY)),
)


@pytest.fixture(scope="module")
def kept(host: Host) -> Iterator[Kept]:
    """A provisioned host with a disk of its own, under load."""
    with keeping(lambda root: FaultPlace(root, host)) as found:
        yield found


@pytest.mark.parametrize(("name", "moment"), SELECTED, ids=[f"{name}, {m.name}" for name, m in SELECTED])
def test_cell_is_perfect(kept: Kept, name: str, moment: Moment) -> None:
    done: dict[tuple[str, str], Result] = {}
    if BY_NAME[name].cuts:
        control = shard.run(kept, BY_NAME[name], Moment(Act.IDLE), done)
        done[name, control.moment] = control
    result = shard.run(kept, BY_NAME[name], moment, done)
    assert result.complaints == (), result


def test_seeded_bug_turns_its_cell_red(kept: Kept) -> None:
    assert shard.seen_bug(kept, SEEDS[0])


def test_every_moment_is_visited_by_a_run_of_phases() -> None:
    visited = {moment for fault, moment in by_phase() if not fault.not_applicable(moment)}
    assert set(moments()) <= visited


def test_every_fault_has_a_control_and_applies_somewhere() -> None:
    for fault in FAULTS:
        cells = [moment for one, moment in every() if one is fault and not fault.not_applicable(moment)]
        assert cells
        assert not fault.cuts or Moment(Act.IDLE) in cells or fault.not_applicable(Moment(Act.IDLE))
