"""Selects the one fact shown for an open gate; `--verbose` and `l9 explain` show all evidence."""

from __future__ import annotations

from collections.abc import Mapping

from l9.core.events import GateOpened
from l9.core.states import State

# The invariants whose evidence is shown for a gate; for a gate not listed, its first one.
SHOWN: Mapping[State, tuple[str, ...]] = {
    State.LOCAL_READY: ("workspace.on-main", "repository.tag-exists"),
    State.CREATE_ANNOTATED_TAG: ("repository.tag-newer", "repository.tag-annotated"),
    State.HOST_READY: ("host.way-back",),
    State.GREEN_HEALTHY: ("host.smoke-passed",),
    State.BAKE: ("host.few-server-errors",),
}


def fact(opened: GateOpened) -> str:
    """Return one short sentence, with the number of waived invariants if there are any."""
    chosen = [e.summary for i in SHOWN.get(opened.gate, ()) for e in opened.evidence if e.invariant == i]
    summaries = chosen or [e.summary for e in opened.evidence[:1]]
    waived = sum(e.excused.startswith("waived ") for e in opened.evidence)
    return ", ".join([*summaries, *([f"{waived} waived"] if waived else [])])
