"""The one fact of an open gate that matters; all else that it saw is shown with `--verbose` and by `l9 explain`."""

from __future__ import annotations

from collections.abc import Mapping

from l9.core.events import GateOpened
from l9.core.states import State

# Whose evidence is shown; of a gate without a row here it is the first that its row of the table needs.
SHOWN: Mapping[State, tuple[str, ...]] = {
    State.LOCAL_READY: ("workspace.on-main", "repository.tag-exists"),
    State.CREATE_ANNOTATED_TAG: ("repository.tag-newer", "repository.tag-annotated"),
    State.HOST_READY: ("host.way-back",),
    State.GREEN_HEALTHY: ("host.smoke-passed",),
    State.BAKE: ("host.few-server-errors",),
}


def fact(opened: GateOpened) -> str:
    """One short sentence; where something was waived, that is said too."""
    chosen = [e.summary for i in SHOWN.get(opened.gate, ()) for e in opened.evidence if e.invariant == i]
    shown = chosen or [e.summary for e in opened.evidence[:1]]
    waived = sum(e.excused.startswith("waived ") for e in opened.evidence)
    return ", ".join([*shown, *([f"{waived} waived"] if waived else [])])
