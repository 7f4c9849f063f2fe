"""Faults of containers that somebody handles on their own."""

from __future__ import annotations

from collections.abc import Callable

from faults.fault import Fault
from faults.fault_place import FaultPlace
from faults.moments import Act, Moment
from faults.process_faults import new_slot_runs, old_slot_runs
from l9.core.states import Slot, State

Do = Callable[[FaultPlace], None]
Picked = Callable[[FaultPlace], Slot]


def _live(place: FaultPlace) -> Slot:
    return place.scene.live


def _other(place: FaultPlace) -> Slot:
    return place.scene.other


def _docker(picked: Picked, *argv: str, after: tuple[str, ...] = ()) -> Do:
    def act(place: FaultPlace) -> None:
        place.docker(*argv, place.container(picked(place)), *after, check=False)

    return act


def standby_waits(moment: Moment) -> str:
    """The rule of faults of the standby: it is there until its slot is needed, and again after SHUTDOWN."""
    if moment.act is Act.IDLE or moment.state in (
        State.HOST_READY,
        State.VPS_TAG_VERIFIED,
        State.IMAGES_READY,
    ):
        return ""
    return "no standby waits"


FAULTS = (
    Fault(
        "live-removed",
        "the live container removed",
        _docker(_live, "rm", "--force"),
        not_applicable=old_slot_runs,
        cuts=True,
        stays=True,
        names=("container", "gone", "exit", "answer", "running", "absent"),
    ),
    Fault(
        "live-renamed",
        "the live container renamed",
        _docker(_live, "rename", after=("by-hand",)),
        not_applicable=old_slot_runs,
        names=("container", "name", "gone", "absent", "running"),
    ),
    Fault(
        "live-restarted",
        "the live container restarted by hand",
        _docker(_live, "restart", "--time", "2"),
        not_applicable=old_slot_runs,
        cuts=True,
        names=("restart", "answer", "health", "started"),
    ),
    Fault(
        "new-removed",
        "the new container removed",
        _docker(_other, "rm", "--force"),
        not_applicable=new_slot_runs,
        cuts=True,
        stays=True,
        control="live-removed",
        names=("container", "gone", "exit", "answer", "running", "absent"),
    ),
    Fault(
        "new-restarted",
        "the new container restarted by hand",
        _docker(_other, "restart", "--time", "2"),
        not_applicable=new_slot_runs,
        cuts=True,
        control="live-restarted",
        names=("restart", "answer", "health", "started"),
    ),
    Fault(
        "standby-removed",
        "the standby removed",
        _docker(_other, "rm", "--force"),
        not_applicable=standby_waits,
        names=("standby", "gone", "container"),
    ),
    Fault(
        "standby-unpaused",
        "the standby unpaused by hand",
        _docker(_other, "unpause"),
        not_applicable=standby_waits,
        names=("standby", "runs"),
    ),
    Fault(
        "standby-stopped",
        "the standby stopped by hand",
        _docker(_other, "stop", "--time", "2"),
        not_applicable=standby_waits,
        names=("standby", "runs"),
    ),
)
