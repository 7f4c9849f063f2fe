"""Assert how a run ended: in one place, for all tests on the simulated host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from l9.core.run import Run, fold
from l9.core.states import State

from .host import World

EXIT_CODES = {State.SUCCESS: 0, State.REFUSED: 3, State.ROLLED_BACK: 4, State.FAIL_STATE: 5}


def assert_ended(
    world: World,
    run: Run | None,
    outcome: State,
    *,
    live: str | None,
    idle: tuple[str, str] | None = None,
    closed_by: State | None = None,
    failed: int = 0,
) -> None:
    """The run is over with this outcome, the public gets `live`, and `idle` stands in the other slot.

    `failed` counts the user requests that failed while no bad release was live.
    """
    assert run is not None
    assert run.finished is not None, "the run is not over"
    why = (
        "; ".join(f"{f.expected}, found {f.found}" for f in run.closed.findings)
        if run.closed
        else run.aborted
    )
    assert run.outcome is outcome, f"{run.outcome} because of {why}"
    assert run.finished.exit_code == EXIT_CODES[outcome]
    assert (run.closed.gate if run.closed else None) is closed_by, why
    assert_on_record(world, run)
    assert world.live == live
    assert world.idle == idle
    assert world.running == ([world.machine.active] if live else [])
    if outcome is not State.FAIL_STATE:
        assert run.finished.live == live
    assert world.monitor.violations == []
    assert world.monitor.failed == failed
    assert world.machine.hung_streams == 0


def assert_on_record(world: World, run: Run) -> None:
    """The journal ends with this run's end, tells the same run, and its chain holds."""
    entries = world.journal.last_run()
    assert entries[-1].run == run.id
    assert entries[-1].body == run.finished
    assert fold(entries) == run
    assert world.journal.verify() == len(list(world.journal.entries()))


def why(run: Run) -> str:
    """All that the closed gate found, as one text."""
    assert run.closed is not None
    return "; ".join(f"{f.expected}, found {f.found}" for f in run.closed.findings)


def evidence(run: Run, gate: State) -> str:
    """All that was seen when a gate opened, as one text."""
    return "; ".join(e.found for e in run.opened[gate].evidence)


def without_standby(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of the state that must be as before when a run was taken back.

    The standby may have been stopped, and the oldest release that is kept, but was rolled back from, forgotten.
    """
    active = state["active"]
    live_slot, idle = state["slots"][active], state["slots"][active.other]
    kept = {k: state[k] for k in ("active", "trees", "head", "deployed_tag", "live")}
    standing = {"live slot": live_slot, "label": live_slot and state["label"], "idle": idle and idle[0]}
    return {**kept, **standing, "good": state["good"] or ()}
